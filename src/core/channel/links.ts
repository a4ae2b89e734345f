/** The open links, at most one a peer, and when each peer was last heard. */
import type { FrameOf, Message } from "./frames.js";
import { costOf } from "./order.js";

export interface Link {
  readonly id: number;
  readonly peer: string;
  readonly incarnation: number;
  /** It has carried a frame: the peer took it for a link too. */
  used: boolean;
  /** Last sign of life: a frame or a heartbeat. */
  heardAt: number;
  /** Last frame. Heartbeats alone do not show that the link still carries anything. */
  frameAt: number;
  /** The peer's last proposal, which this node has not answered because its graph does not agree so far. */
  proposal: FrameOf<"propose"> | null;
  /** Messages carried ahead of the FLUSH or INSTALL that they belong to. */
  carried: { readonly messages: Message[]; bytes: number };
}

export class Links {
  readonly #byId = new Map<number, Link>();
  readonly #byPeer = new Map<string, Link>();

  open(id: number, peer: string, incarnation: number, at: number): Link {
    const link: Link = {
      id,
      peer,
      incarnation,
      used: false,
      heardAt: at,
      frameAt: at,
      proposal: null,
      carried: none(),
    };
    this.#byId.set(id, link);
    this.#byPeer.set(peer, link);
    return link;
  }

  remove(link: Link): void {
    this.#byId.delete(link.id);
    this.#byPeer.delete(link.peer);
  }

  get(id: number): Link | undefined {
    return this.#byId.get(id);
  }

  to(peer: string): Link | undefined {
    return this.#byPeer.get(peer);
  }

  all(): readonly Link[] {
    return [...this.#byId.values()];
  }

  /** The run of each peer that there is a link to. */
  peers(): ReadonlyMap<string, number> {
    return new Map([...this.#byPeer].map(([peer, { incarnation }]) => [peer, incarnation]));
  }

  /** When the most silent peer was last heard; Infinity where there are no links. */
  heardLeast(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const link of this.#byId.values()) at = Math.min(at, link.heardAt);
    return at;
  }

  /** This node did not run for `ms`, so that the silence of the others meanwhile means nothing. */
  forgive(ms: number, now: number): void {
    for (const link of this.#byId.values()) {
      link.heardAt = Math.min(link.heardAt + ms, now);
      link.frameAt = Math.min(link.frameAt + ms, now);
    }
  }
}

/** @returns false when the peer carries more than `limitBytes` for one round. */
export function carry({ carried }: Link, message: Message, limitBytes: number): boolean {
  carried.messages.push(message);
  carried.bytes += costOf(message);
  return carried.bytes <= limitBytes;
}

/** What was carried ahead of the frame that has come now; it is not kept. */
export function unload(link: Link): readonly Message[] {
  const { messages } = link.carried;
  link.carried = none();
  return messages;
}

function none(): Link["carried"] {
  return { messages: [], bytes: 0 };
}
