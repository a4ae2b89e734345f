/**
 * What one host says on the LAN about the VIPs that it has, as the daemon's announcer and its guard do it: a round at
 * once, then the others 1.1 s apart, then one each period, of whatever was not silenced; and against rivals by the
 * production rules (src/core/conflict-watch.ts), some time after they were heard. Contract: it says what it was told
 * to say, whatever the kernel has; what was sent is not taken back. A daemon that is stopped says what was due once
 * it runs again.
 */
import { ConflictWatch, type Verdict } from "../core/conflict-watch.js";
import type { Daemon } from "./daemon.js";
import type { Lan } from "./lan.js";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";

export const ROUND_MS = 1_100;
/** Frames so soon after an address was taken may be its last owner's (native/wire/lan_table.h). */
const GRACE_MS = 1_000;
/** From a frame to what is done about it: news of the LAN go in lots, and the guard looks at the links. */
const NEWS_MS = 80;
/** How soon a daemon that was stopped comes to what was due. */
const THAW_MS = 20;

interface Request {
  readonly addresses: readonly string[];
  /** To come, this one included. */
  rounds: number;
}

export class Speaker {
  /** What the host says that it has, since when. */
  readonly #owned = new Map<string, number>();
  /** The latest request for each address that is still to be announced: older ones pass over it. */
  readonly #latest = new Map<string, Request>();
  readonly #waiting = new Set<Request>();
  #watch: ConflictWatch;
  #heard = new Map<string, string>();
  #hushed = false;
  /** Of the daemon that runs: what an earlier one had in mind is never done. */
  #life = 0;

  constructor(
    readonly host: string,
    private readonly lan: Lan,
    private readonly schedule: Schedule,
    private readonly random: Random,
    private readonly daemon: () => Daemon | undefined,
  ) {
    this.#watch = new ConflictWatch(lan.options.conflict);
    this.#refresh();
  }

  announce(addresses: readonly string[], rounds = this.lan.options.rounds): void {
    for (const address of addresses) if (!this.#owned.has(address)) this.#owned.set(address, this.schedule.now);
    const request = { addresses, rounds };
    for (const address of addresses) this.#latest.set(address, request);
    this.#round(request);
  }

  silence(addresses: readonly string[]): void {
    for (const address of addresses) {
      this.#owned.delete(address);
      this.#latest.delete(address);
    }
    this.#watch.forget(addresses);
  }

  hush(on: boolean): void {
    this.#hushed = on;
    if (on) return this.#watch.clear();
    for (const request of this.#waiting) {
      this.#waiting.delete(request);
      this.#round(request);
    }
  }

  /** The daemon has ended. */
  end(): void {
    this.#life++;
    this.#owned.clear();
    this.#latest.clear();
    this.#waiting.clear();
    this.#watch = new ConflictWatch(this.lan.options.conflict);
    this.#heard = new Map();
    this.#hushed = false;
  }

  /** A frame of another host. */
  hear(from: string, address: string): void {
    const since = this.#owned.get(address);
    if (since === undefined || this.schedule.now - since < GRACE_MS) return;
    if (this.#heard.size === 0) this.#later(this.random.between(0, NEWS_MS), () => this.#judge());
    this.#heard.set(address, from);
  }

  #judge(): void {
    const core = this.daemon()?.core;
    const heard = [...this.#heard].filter(([address]) => core?.defends(address) === true);
    this.#heard.clear();
    const rivals = heard.map(([address, from]) => {
      const member = core?.ownership.members.has(from) === true;
      return { kind: "rival" as const, address, mac: from, member };
    });
    this.#carryOut(this.#watch.hear(rivals, this.schedule.now));
  }

  #carryOut({ defend, give }: Verdict): void {
    const still = defend.filter((address) => this.daemon()?.core.defends(address) === true);
    if (still.length > 0) this.announce(still);
    const wait = this.#watch.wait(this.schedule.now);
    if (wait < Number.POSITIVE_INFINITY) this.#later(wait, () => this.#carryOut(this.#watch.due(this.schedule.now)));
    if (give.length > 0) this.daemon()?.giveUp(give);
  }

  #round(request: Request): void {
    const wanted = request.addresses.filter((address) => this.#latest.get(address) === request);
    if (wanted.length === 0) return;
    this.lan.send(this.host, wanted);
    request.rounds--;
    if (request.rounds > 0) this.#later(ROUND_MS, () => this.#nextRound(request));
    else for (const address of wanted) this.#latest.delete(address);
  }

  #nextRound(request: Request): void {
    if (this.#hushed) this.#waiting.add(request);
    else this.#round(request);
  }

  #refresh(): void {
    const { refreshMs } = this.lan.options;
    if (refreshMs === 0) return;
    this.schedule.after(refreshMs * this.random.between(0.9, 1.1), () => {
      const quiet = [...this.#owned.keys()].filter((address) => !this.#latest.has(address));
      const daemon = this.daemon();
      if (!this.#hushed && daemon?.paused === false && quiet.length > 0) this.announce(quiet, 1);
      this.#refresh();
    });
  }

  #later(ms: number, run: () => void): void {
    const life = this.#life;
    const due = () => {
      if (life !== this.#life) return;
      if (this.daemon()?.paused === true) this.schedule.after(THAW_MS, due);
      else run();
    };
    this.schedule.after(ms, due);
  }
}
