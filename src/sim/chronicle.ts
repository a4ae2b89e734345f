/**
 * Who had which address, put together from nothing but what each node tells of changes of owner (docs/EVENTS.md, `owner`):
 * one change goes on where the one before ended, and once all is at rest the last one names the owner that the table has.
 */
import { addressesIn } from "../core/address.js";
import type { NodeOutput, OwnerChange } from "../core/io.js";
import { unitOf } from "../core/ownership/definitions.js";
import type { Daemon } from "./daemon.js";

export class Chronicle {
  readonly #told = new Map<Daemon, Map<string, string>>();

  constructor(private readonly fail: (what: string) => never) {}

  started(daemon: Daemon): void {
    this.#told.set(daemon, new Map());
  }

  ended(daemon: Daemon): void {
    this.#told.delete(daemon);
  }

  stepped(daemon: Daemon, outputs: readonly NodeOutput[]): void {
    for (const output of outputs) if (output.kind === "owners") this.#hear(daemon, output.change);
  }

  /** @returns in words, what a daemon has not told yet of its table. Only when there is no unrest. */
  lack(daemons: readonly Daemon[]): string | null {
    for (const daemon of daemons) {
      const { definitions, rows } = daemon.core.ownership;
      for (const [address, told] of this.#told.get(daemon) ?? []) {
        const lead = unitOf(definitions, address)?.lead.address ?? "";
        const owner = rows.get(lead)?.owner ?? "";
        if (told !== owner)
          return `owner: ${daemon.name} last told that "${told}" has ${address}, which is at "${owner}"`;
      }
    }
    return null;
  }

  #hear(daemon: Daemon, { ranges, count, from, to, reason, gapMs }: OwnerChange): void {
    const told = this.#told.get(daemon);
    const addresses = [...addressesIn(ranges)];
    if (addresses.length !== count) this.fail(`owner: ${daemon.name} tells ${count} addresses, and names others`);
    if (gapMs !== null && gapMs < 0) this.fail(`owner: ${daemon.name} tells a gap of ${gapMs} ms`);
    for (const address of addresses) {
      const before = told?.get(address);
      if (before !== undefined && before !== from)
        this.fail(
          `owner: ${daemon.name} tells that ${address} went from "${from}" to "${to}" (${reason}), after "${before}" had it`,
        );
      told?.set(address, to);
    }
  }
}
