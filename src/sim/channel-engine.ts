/**
 * The production channel (src/core/channel) over connections and datagrams as the network models them. A connection
 * keeps order and loses nothing: what meets a cut waits for its end. A process that dies has its connections closed by
 * its kernel; a host without power says nothing, and later, when it is up again, resets what it does not know. A process
 * that is stopped keeps its connections, reads nothing and makes no new ones.
 */
import { Channel } from "../core/channel/channel.js";
import type { Clock } from "./clock.js";
import type { ChannelInput, ChannelOutput } from "../core/channel/io.js";
import type { Death, GroupEngine, GroupPort, Membership } from "./engine.js";
import { Inbox } from "./inbox.js";
import type { Network } from "./network.js";
import type { Random } from "./random.js";
import type { Schedule, Timer } from "./schedule.js";

export interface ChannelTimes {
  readonly heartbeatIntervalMs: number;
  readonly failureTimeoutMs: number;
  /** Between two tries to connect. */
  readonly reconnectIntervalMs: number;
}

/** One side of a connection. */
interface End {
  readonly link: number;
  readonly process: Process;
  open: boolean;
  other: End | null;
  /** What was sent to this end and came to a cut. */
  stalled: Packet[];
  /** Nothing overtakes. */
  arrivesAt: number;
}

/** null: the connection ends. */
type Packet = Uint8Array | null;

const USUAL_KEY = "cluster";

class Process {
  readonly ends = new Map<number, End>();
  readonly inbox: Inbox<ChannelInput>;
  /** When each peer was last dialled. */
  readonly triedAt = new Map<string, number>();
  alive = true;
  paused = false;
  wake: Timer | null = null;

  constructor(
    readonly name: string,
    readonly incarnation: number,
    /** Read at its start. */
    readonly key: string,
    readonly port: GroupPort,
    readonly clock: Clock,
    readonly channel: Channel,
    step: (process: Process, input: ChannelInput) => void,
  ) {
    this.inbox = new Inbox((input) => step(this, input));
  }

  linkTo(peer: string): End | undefined {
    return [...this.ends.values()].find(({ open, other }) => open && other?.process.name === peer);
  }
}

export class ChannelEngine implements GroupEngine {
  readonly #processes = new Map<string, Process>();
  /** Hosts without power. */
  readonly #silent = new Set<string>();
  /** Content of each host's key file, where it is not what all others have. */
  readonly #keys = new Map<string, string>();
  #links = 0;

  constructor(
    private readonly schedule: Schedule,
    private readonly network: Network,
    private readonly random: Random,
    private readonly peers: readonly string[],
    private readonly times: ChannelTimes,
    private readonly clockOf: (host: string) => Clock,
  ) {
    network.watch(() => this.#resume());
  }

  /** What this host's key file says from now on. */
  setKey(name: string, key: string): void {
    this.#keys.set(name, key);
  }

  join(name: string, incarnation: number, port: GroupPort): Membership {
    const { heartbeatIntervalMs, failureTimeoutMs, reconnectIntervalMs } = this.times;
    const clock = this.clockOf(name);
    const startedAt = clock.now;
    const times = { heartbeatIntervalMs, failureTimeoutMs, reconnectIntervalMs };
    const channel = new Channel({ self: name, incarnation, peers: this.peers, ...times, startedAt });
    const key = this.#keys.get(name) ?? USUAL_KEY;
    const process = new Process(name, incarnation, key, port, clock, channel, (at, input) => this.#step(at, input));
    this.#processes.set(name, process);
    this.#silent.delete(name);
    for (const peer of this.peers) if (peer > name) this.#dial(process, peer);
    this.#arm(process);
    return {
      multicast: (payload) => process.inbox.put({ kind: "multicast", at: clock.now, payload }),
      leave: () => {
        process.inbox.put({ kind: "leave", at: clock.now });
        this.#end(process, "killed");
      },
      die: (how) => this.#end(process, how),
      pause: () => {
        process.paused = true;
        process.inbox.stop();
      },
      // The timer goes off first: the loop looks at its timers, then at its sockets.
      resume: () => {
        process.paused = false;
        if (process.channel.deadline <= clock.now) this.#step(process, { kind: "wake", at: clock.now });
        process.inbox.go((input) => ({ ...input, at: clock.now }));
      },
    };
  }

  #step(process: Process, input: ChannelInput): void {
    if (!process.alive) return;
    for (const output of process.channel.step(input)) this.#carryOut(process, output);
    this.#arm(process);
  }

  #carryOut(process: Process, output: ChannelOutput): void {
    switch (output.kind) {
      case "send": {
        const end = process.ends.get(output.link);
        if (end?.open === true) this.#send(end, output.bytes);
        return;
      }
      case "close": {
        const end = process.ends.get(output.link);
        if (end !== undefined) this.#close(end);
        return;
      }
      case "heartbeat":
        return this.#heartbeat(process);
      case "view":
        return process.port.onView(output.view);
      case "transition":
        return process.port.onTransition();
      case "deliver":
        return process.port.onMessage(output.from, output.payload);
      case "refused":
        return process.port.onRefused(output.peers);
      case "event":
        return process.port.onEvent(output.event.code, output.event.facts);
    }
  }

  #arm(process: Process): void {
    process.wake?.cancel();
    if (!process.alive) return;
    process.wake = this.schedule.at(process.clock.trueTimeOf(process.channel.deadline), () =>
      process.inbox.put({ kind: "wake", at: process.clock.now }),
    );
  }

  #end(process: Process, how: Death): void {
    process.alive = false;
    process.wake?.cancel();
    if (this.#processes.get(process.name) === process) this.#processes.delete(process.name);
    if (how === "power") this.#silent.add(process.name);
    for (const end of process.ends.values()) {
      if (how === "power") end.open = false;
      else this.#close(end);
    }
  }

  // Connections

  /** The first of two names connects, again and again, as long as it lives and has no connection. */
  #dial(process: Process, peer: string): void {
    if (!process.alive) return;
    if (process.linkTo(peer) === undefined) {
      process.triedAt.set(peer, process.clock.now);
      this.#connect(process, peer);
    }
    const again = this.times.reconnectIntervalMs * this.random.between(0.8, 1.2);
    this.schedule.after(again, () => this.#dial(process, peer));
  }

  #connect(from: Process, peer: string): void {
    const to = this.#processes.get(peer);
    const { name } = from;
    if (to === undefined || !this.network.reaches(name, peer) || !this.network.reaches(peer, name)) return;
    // Its kernel accepts, but who is stopped shows no key.
    if (from.paused || to.paused) return;
    if (from.key !== to.key) {
      this.#refuse(from, to);
      this.#refuse(to, from);
      return;
    }
    const [near, far] = [this.#newEnd(from), this.#newEnd(to)];
    near.other = far;
    far.other = near;
    far.arrivesAt = this.schedule.now + 2 * this.network.delay();
    near.arrivesAt = this.schedule.now + 3 * this.network.delay();
    for (const end of [far, near]) {
      this.schedule.at(end.arrivesAt, () => {
        if (!end.process.alive) return this.#close(end);
        const other = end === near ? to : from;
        const { link } = end;
        end.process.inbox.put({
          kind: "opened",
          at: end.process.clock.now,
          link,
          peer: other.name,
          incarnation: other.incarnation,
        });
      });
    }
  }

  /** The handshake shows each side that the other is there, and has another key. */
  #refuse(process: Process, peer: Process): void {
    const ms = 2 * this.network.delay() + this.network.retransmission();
    this.schedule.after(ms, () =>
      process.inbox.put({ kind: "refused", at: process.clock.now, peer: peer.name, reason: "key" }),
    );
  }

  #newEnd(process: Process): End {
    const end: End = { link: ++this.#links, process, open: true, other: null, stalled: [], arrivesAt: 0 };
    process.ends.set(end.link, end);
    return end;
  }

  #close(end: End): void {
    if (!end.open) return;
    end.open = false;
    end.process.ends.delete(end.link);
    this.#send(end, null);
  }

  #send(from: End, packet: Packet): void {
    const to = from.other;
    if (to === null) return;
    const delay = this.network.delay(from.process.name, to.process.name) + this.network.retransmission();
    to.arrivesAt = Math.max(to.arrivesAt, this.schedule.now + delay);
    this.schedule.at(to.arrivesAt, () => this.#arrive(from, to, packet));
  }

  #arrive(from: End, to: End, packet: Packet): void {
    if (to.stalled.length > 0 || !this.network.reaches(from.process.name, to.process.name)) {
      to.stalled.push(packet);
      return;
    }
    if (to.open && packet !== null) {
      to.process.inbox.put({ kind: "frame", at: to.process.clock.now, link: to.link, bytes: packet });
    } else if (to.open) {
      this.#reset(to);
    } else if (packet !== null && !this.#silent.has(to.process.name)) {
      // Nobody has this connection any more: the kernel over there resets it.
      this.schedule.after(this.network.delay(), () => this.#reset(from));
    }
  }

  #reset(end: End): void {
    if (!end.open) return;
    end.open = false;
    end.process.ends.delete(end.link);
    end.process.inbox.put({ kind: "closed", at: end.process.clock.now, link: end.link });
  }

  /** After a cut, what waits goes on once the sender's kernel tries again. */
  #resume(): void {
    for (const process of this.#processes.values()) {
      for (const end of process.ends.values()) {
        if (end.other !== null && end.stalled.length > 0) this.#resumeTo(end, end.other);
      }
    }
  }

  #resumeTo(end: End, from: End): void {
    this.schedule.after(this.random.between(0, 400), () => {
      if (!this.network.reaches(from.process.name, end.process.name)) return;
      for (const packet of end.stalled.splice(0)) this.#arrive(from, end, packet);
    });
  }

  // Datagrams

  /** Garbage, with the address of that host as its sender: anybody can send it, and it proves nothing. */
  forge(from: string, name: string): void {
    const to = this.#processes.get(name);
    if (to !== undefined) this.#hint(to, from);
  }

  /** As the dialer takes what is not authentic: for a reason to look who is there, now and then. */
  #hint(process: Process, peer: string): void {
    const { clock, triedAt, name } = process;
    if (peer < name || process.linkTo(peer) !== undefined) return;
    if (clock.now - (triedAt.get(peer) ?? Number.NEGATIVE_INFINITY) < this.times.failureTimeoutMs) return;
    triedAt.set(peer, clock.now);
    this.#connect(process, peer);
  }

  #heartbeat(from: Process): void {
    const { name, incarnation } = from;
    for (const peer of this.peers) {
      if (peer === name || this.network.loses()) continue;
      this.schedule.after(this.network.delay(name, peer), () => {
        const to = this.#processes.get(peer);
        if (to === undefined || !this.network.reaches(name, peer)) return;
        if (to.key !== from.key) this.#hint(to, name);
        else to.inbox.put({ kind: "heartbeat", at: to.clock.now, peer: name, incarnation });
      });
    }
  }
}
