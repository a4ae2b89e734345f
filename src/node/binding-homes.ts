/** The core speaks of addresses, mail of bindings: who is on which address, and where its owner takes in moved mail. */
import type { Config } from "../config/types.js";
import type { Home } from "../core/io.js";
import type { Member } from "../core/ownership/ownership.js";
import type { BindingHome } from "../mail/types.js";

export class BindingHomes {
  readonly #self: string;
  readonly #names = new Map<string, string[]>();
  readonly #addresses = new Map<string, string>();

  constructor(config: Config) {
    this.#self = config.nodename;
    for (const { name, address, duravip } of config.bindings) {
      if (address === null || !duravip.enabled) continue;
      this.#addresses.set(name, address);
      const names = this.#names.get(address);
      if (names === undefined) this.#names.set(address, [name]);
      else names.push(name);
    }
  }

  /** The VIP of a binding, or undefined for a name that is none. */
  addressOf(binding: string): string | undefined {
    return this.#addresses.get(binding);
  }

  tell(homes: readonly Home[], members: ReadonlyMap<string, Member>): BindingHome[] {
    return homes.flatMap(({ address, owner, epoch }) => {
      const elsewhere = owner !== null && owner !== this.#self;
      const endpoint = elsewhere ? (members.get(owner)?.announcement.endpoint ?? null) : null;
      return (this.#names.get(address) ?? []).map((binding) => ({ binding, node: owner, epoch, endpoint }));
    });
  }
}
