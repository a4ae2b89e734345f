/**
 * What must always hold (docs/PROTOCOL.md), looked at after every step of every node and every change of a kernel.
 * S6 belongs to mail; here it is that service stands on plumbed addresses only, which the model of the host sees to.
 */
import type { NodeInput, NodeOutput } from "../core/io.js";
import { unitOf } from "../core/ownership/definitions.js";
import { policyOf } from "../core/ownership/policy.js";
import type { View } from "../core/view.js";
import type { Daemon } from "./daemon.js";
import { LATENESS_MS } from "./host.js";
import type { Measures } from "./measures.js";
import { hashOf, PRIME, TableDigest, textOf } from "./table-digest.js";

/** One view, as those that are in it see it. */
interface ViewRecord {
  readonly name: string;
  /** Who came here, and what it had delivered in its view before. */
  readonly came: Map<Daemon, string>;
  /** The table after the same deliveries, from whoever came there first. */
  readonly tables: Map<string, { readonly by: Daemon; readonly digest: number }>;
}

interface Watch {
  readonly configured: ReadonlySet<string>;
  readonly table: TableDigest;
  view: ViewRecord | null;
  /** The other members of it as far as they are known: those that stayed, before they have come here themselves. */
  company: ReadonlyMap<string, Daemon>;
  /** What was delivered in the present view: after each message, a hash of all up to it. */
  histories: number[];
  /** Last owner that was told, with its epoch, by address. */
  readonly homes: Map<string, { readonly owner: string; readonly epoch: number }>;
}

/** A lifetime has whole seconds. */
const ROUNDING_MS = 1_000;

export class Safety {
  readonly #watches = new Map<Daemon, Watch>();
  readonly #views = new Map<string, ViewRecord>();
  /** Some nodes were cut off, or stopped: from then on members are given up, and addresses may have two owners for a while. */
  #parted = false;

  constructor(
    private readonly live: () => Iterable<Daemon>,
    private readonly measures: Measures,
    private readonly clocksWrong: () => boolean,
    private readonly fail: (what: string) => never,
  ) {}

  started(daemon: Daemon): void {
    const configured = new Set(daemon.core.setup.entries.map(({ address }) => address));
    this.#watches.set(daemon, {
      configured,
      table: new TableDigest(),
      view: null,
      company: new Map(),
      histories: [],
      homes: new Map(),
    });
  }

  ended(daemon: Daemon): void {
    this.#watches.delete(daemon);
    // Its next run may come to a view of the same number and names.
    for (const [name, { came }] of this.#views) if (came.has(daemon)) this.#views.delete(name);
  }

  stepped(daemon: Daemon, input: NodeInput, outputs: readonly NodeOutput[]): void {
    const watch = this.#watches.get(daemon);
    if (watch === undefined) return;
    if (input.kind === "view") this.#enter(daemon, watch, input.view);
    if (input.kind === "message") {
      const before = watch.histories.at(-1) ?? 0;
      watch.histories.push(hashOf(input.payload, Math.imul(before ^ input.from.charCodeAt(0), PRIME)));
    }
    for (const output of outputs) {
      if (output.kind === "acquire") this.#acquires(daemon, watch, output.addresses);
      if (output.kind === "release") this.#onlyConfigured(daemon, watch, output.addresses);
      if (output.kind === "homes") for (const home of output.homes) this.#told(daemon, watch, home);
    }
    if (daemon.core.change?.redefined === true || input.kind === "done") this.#holdsNothingBroken(daemon);
    watch.table.update(daemon.core);
    if (input.kind === "view" || input.kind === "message") this.#compareTables(daemon, watch);
  }

  #enter(daemon: Daemon, watch: Watch, { seq, members, stayed }: View): void {
    const name = `${seq} ${members.join(" ")}`;
    const record: ViewRecord = this.#views.get(name) ?? { name, came: new Map(), tables: new Map() };
    this.#views.set(name, record);
    const before = `${watch.view?.name} ${historyOf(watch)}`;
    const company = new Map(watch.company);
    for (const other of watch.view?.came.keys() ?? []) company.set(other.name, other);
    for (const other of company.values()) {
      if (!this.#watches.has(other) || members.includes(other.name)) continue;
      if (!this.#parted) this.fail(`group: ${daemon.name} gives ${other.name} up, from which nothing has cut it off`);
    }
    const along = new Map([...company].filter(([other]) => stayed.includes(other)));
    Object.assign(watch, { view: record, company: along, histories: [] });
    for (const [other, theirs] of record.came) {
      if (stayed.includes(other.name) && theirs !== before)
        this.fail(`group: ${daemon.name} and ${other.name} stayed together for ${name}, after different deliveries`);
    }
    record.came.set(daemon, before);
  }

  cut(): void {
    this.#parted = true;
  }

  /** S1, in kernels: as long as nobody was cut off, no two live nodes have an address. */
  plumbed(host: string, address: string): void {
    const others = [...this.measures.plumbedBy(address)].filter((other) => other !== host);
    if (others.length === 0) return;
    this.measures.count("overlap");
    if (!this.#parted) this.fail(`S1: ${host} plumbs ${address}, which ${others.join(" and ")} has`);
  }

  /** S1, as the core can know it: nobody begins to plumb what another member of the same view has in its hands. */
  #acquires(daemon: Daemon, watch: Watch, addresses: readonly string[]): void {
    this.#onlyConfigured(daemon, watch, addresses);
    const { vips } = daemon.core.ownership.definitions;
    for (const address of addresses) {
      const vip = vips.get(address);
      if (vip === undefined || vip.broken || !vip.participants.has(daemon.name))
        this.fail(`S2: ${daemon.name} acquires ${address}, which ${vip?.broken === true ? "is BROKEN" : "is not its"}`);
    }
    this.#aloneUnderLease(daemon, addresses);
    for (const other of this.live()) {
      const theirs = this.#watches.get(other);
      if (other === daemon || theirs === undefined || !sameWay(watch, theirs)) continue;
      const held = addresses.find((address) => other.core.hands.state(address) !== undefined);
      if (held === undefined) continue;
      const state = other.core.hands.state(held) ?? "";
      this.fail(`S1: ${daemon.name} acquires ${held}, which is ${state} at ${other.name}, in the same view`);
    }
  }

  /**
   * S1 of the policy `strict`, wherever the others are: nobody begins to plumb what another has not yet let go of. A
   * process that does not run cannot let go, and its kernel has to, by the lifetime that the lease gave; nor does a
   * lease hold when a clock runs worse than all were told.
   */
  #aloneUnderLease(daemon: Daemon, addresses: readonly string[]): void {
    if (this.clocksWrong()) return;
    for (const address of addresses) {
      if (!isStrict(daemon, address)) continue;
      this.measures.count("strict acquire");
      for (const other of this.live()) {
        const state = other === daemon || other.paused ? undefined : other.core.hands.state(address);
        if (other !== daemon && other.paused) this.#keptByLease(other, address);
        // Who is alone in its part may configure it otherwise, and not know better.
        if (!isStrict(other, address)) continue;
        if (state === "present" || state === "acquiring")
          this.fail(`S1: ${daemon.name} acquires ${address}, which is ${state} at ${other.name}, under a lease`);
      }
    }
  }

  /** Of a daemon that does not run: by what it knew last, its lease was over so and so long ago. */
  #keptByLease({ name, host, core }: Daemon, address: string): void {
    if (host.lifeline || !host.plumbed().has(address)) return;
    const until = core.until(address);
    if (until === Number.POSITIVE_INFINITY) return;
    const late = host.clock.now - until;
    if (late > ROUNDING_MS + LATENESS_MS + 1)
      this.fail(
        `S1: the kernel of ${name} has ${address} yet, ${late} ms after the lease of its daemon, which does not run`,
      );
    this.measures.count("strict, with a stopped owner's kernel");
  }

  /** S4. */
  #onlyConfigured(daemon: Daemon, { configured }: Watch, addresses: readonly string[]): void {
    for (const address of addresses) {
      if (!configured.has(address)) this.fail(`S4: ${daemon.name} touches ${address}, which it does not configure`);
    }
  }

  /** S2 for those that it has already: a job to let go is under way. */
  #holdsNothingBroken(daemon: Daemon): void {
    const { settled, definitions } = daemon.core.ownership;
    if (!settled) return;
    for (const [address, state] of daemon.core.hands.held()) {
      if (state === "present" && definitions.vips.get(address)?.broken === true)
        this.fail(`S2: ${daemon.name} keeps ${address}, which is BROKEN`);
    }
  }

  /** S3. */
  #told(daemon: Daemon, watch: Watch, home: { address: string; owner: string | null; epoch: number }): void {
    const { address, owner, epoch } = home;
    if (owner === null) return;
    const last = watch.homes.get(address);
    watch.homes.set(address, { owner, epoch });
    if (last === undefined || epoch > last.epoch || (epoch === last.epoch && owner === last.owner)) return;
    const was = `${last.owner} in epoch ${last.epoch}`;
    this.fail(`S3: at ${daemon.name}, ${address} goes from ${was} to ${owner} in epoch ${epoch}`);
  }

  /** S5. */
  #compareTables(daemon: Daemon, watch: Watch): void {
    if (watch.view === null) return;
    const { name, tables } = watch.view;
    const digest = watch.table.valueOf(daemon.core.ownership);
    const history = historyOf(watch);
    const first = tables.get(history);
    if (first === undefined) tables.set(history, { by: daemon, digest });
    else if (first.digest !== digest) {
      const both = [first.by, daemon].map((some) => `${some.name} now: ${textOf(some.core.ownership)}`);
      this.fail(
        `S5: after delivery ${watch.histories.length} in view ${name}, the tables differ\n  ${both.join("\n  ")}`,
      );
    }
  }
}

function isStrict({ core }: Daemon, address: string): boolean {
  const unit = unitOf(core.ownership.definitions, address);
  return unit !== undefined && policyOf(unit) === "strict";
}

function historyOf({ histories }: Watch): string {
  return `${histories.length} ${histories.at(-1)}`;
}

/** Both are in one view, and have not yet been parted by what each delivered at its end. */
function sameWay(a: Watch, b: Watch): boolean {
  const shared = Math.min(a.histories.length, b.histories.length);
  return a.view === b.view && a.histories[shared - 1] === b.histories[shared - 1];
}
