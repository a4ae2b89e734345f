/**
 * Hosts that ask the LAN for addresses before they take them, and hear who else announces what they have, as src/kernel/prober.ts
 * and src/node/lan-guard.ts do it. Contract: a kernel answers for what it has, whatever its daemon does; who asks at the
 * same time hears the question; each frame may be lost for each host by itself.
 */
import { yieldsTo } from "../core/rivals.js";
import type { Host } from "./host.js";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";

const WAIT_MS = 500;
/** An announcement is made so often, this far apart. */
const ROUNDS = { count: 3, everyMs: 1_100 };

/** One host asks for some addresses. */
interface Question {
  readonly host: string;
  readonly open: Set<string>;
  /** By address: who has it, or is to have it. */
  readonly answered: Map<string, string>;
  /** Asked for once more, since somebody asks whose turn is after this host's. */
  readonly repeated: Set<string>;
}

export class Probes {
  readonly #questions = new Set<Question>();
  asked = 0;
  answered = 0;

  constructor(
    private readonly schedule: Schedule,
    private readonly random: Random,
    private readonly hosts: ReadonlyMap<string, Host>,
    /** Probability that a frame does not reach one host. */
    private readonly loss: number,
  ) {}

  /** @param done gets who has which of them, by address. */
  ask(host: string, addresses: readonly string[], done: (answered: ReadonlyMap<string, string>) => void): void {
    const question = {
      host,
      open: new Set(addresses),
      answered: new Map<string, string>(),
      repeated: new Set<string>(),
    };
    this.#questions.add(question);
    this.asked += addresses.length;
    this.#send(question, addresses);
    this.schedule.after(WAIT_MS / 2, () =>
      this.#send(
        question,
        addresses.filter((address) => !question.answered.has(address)),
      ),
    );
    this.schedule.after(WAIT_MS, () => {
      this.#questions.delete(question);
      this.answered += question.answered.size;
      done(question.answered);
    });
  }

  /** @param hear of each other host that hears the announcement, each time. */
  announce(
    host: string,
    addresses: readonly string[],
    hear: (host: string, addresses: readonly string[]) => void,
  ): void {
    for (let round = 0; round < ROUNDS.count; round++) {
      this.schedule.after(round * ROUNDS.everyMs, () => {
        const still = addresses.filter((address) => this.hosts.get(host)?.plumbed().has(address));
        this.#reach(host, still, (other) => hear(other, still));
      });
    }
  }

  /** Whether `host` is the one to let go of what `rival` has too. */
  yields(host: string, rival: string): boolean {
    return yieldsTo(this.#macOf(host), this.#macOf(rival));
  }

  #send(question: Question, addresses: readonly string[]): void {
    this.#reach(question.host, addresses, (name, host) => {
      for (const address of addresses) if (host.plumbed().has(address)) question.answered.set(address, name);
      for (const other of this.#questions) if (other.host === name) this.#hear(other, question.host, addresses);
    });
  }

  #hear(question: Question, asker: string, addresses: readonly string[]): void {
    const both = addresses.filter((address) => question.open.has(address));
    if (this.yields(question.host, asker)) for (const address of both) question.answered.set(address, asker);
    else {
      const again = both.filter((address) => !question.repeated.has(address));
      for (const address of again) question.repeated.add(address);
      if (again.length > 0) this.#send(question, again);
    }
  }

  #reach(from: string, addresses: readonly string[], arrive: (name: string, host: Host) => void): void {
    if (addresses.length === 0) return;
    for (const [name, host] of this.hosts) {
      if (name === from || (this.loss > 0 && this.random.chance(this.loss))) continue;
      this.schedule.after(this.random.between(0.1, 1), () => arrive(name, host));
    }
  }

  /** Against the order of the names, which decides enough else. */
  #macOf(host: string): string {
    const place = this.hosts.size - [...this.hosts.keys()].indexOf(host);
    return `02:00:00:00:00:${place.toString(16).padStart(2, "0")}`;
  }
}
