/** Embedded engines on loopback addresses of their own, and everything that their handlers were told. */
import { subscribe } from "node:diagnostics_channel";
import { Socket } from "node:net";
import { expect } from "vitest";
import type { View } from "../../../src/core/view.js";
import type { GroupChannel, GroupEvent } from "../../../src/group/channel.js";
import { type EmbeddedOptions, embeddedChannel } from "../../../src/group/embedded/index.js";
import { deriveKeys } from "../../../src/group/key.js";

export const PORT = 4809;
export const KEY = "0123456789abcdef0123456789abcdef";
/** A network of 127/8 for each file that runs, so that files may run at the same time. */
const NET = `127.${64 + (process.pid % 128)}.${Math.floor(Math.random() * 256)}`;

/** Every connection that was accepted and is open: the dialled side of each is in this process too. */
const accepted = new Set<Socket>();
subscribe("net.server.socket", (message) => {
  const socket = typeof message === "object" && message !== null && "socket" in message ? message.socket : null;
  if (!(socket instanceof Socket)) return;
  accepted.add(socket);
  socket.once("close", () => accepted.delete(socket));
});

export class TestNode {
  readonly views: View[] = [];
  readonly messages: string[] = [];
  readonly events: GroupEvent[] = [];
  readonly channel: GroupChannel;
  /** "c key": peers that are refused, and why. */
  refused = "";
  static #runs = 0;

  constructor(
    readonly name: string,
    options: Partial<EmbeddedOptions> & { readonly key?: string } = {},
  ) {
    const { key = KEY, ...others } = options;
    this.channel = embeddedChannel({
      self: name,
      incarnation: ++TestNode.#runs,
      peers: ["a", "b", "c"].map((peer) => ({ name: peer, address: addressOf(peer) })),
      port: PORT,
      keys: deriveKeys(new TextEncoder().encode(key)),
      heartbeatIntervalMs: 50,
      failureTimeoutMs: 2000,
      reconnectIntervalMs: 100,
      connectTimeoutMs: 5000,
      maxBacklog: 5000,
      ...others,
    });
  }

  async start(): Promise<this> {
    await this.channel.start({
      onView: (view) => this.views.push(view),
      onTransition: () => {},
      onMessage: (from, payload) => this.messages.push(`${from}: ${new TextDecoder().decode(payload)}`),
      onRefused: (peers) => (this.refused = peers.map(({ peer, reason }) => `${peer} ${reason}`).join()),
      onEvent: (event) => this.events.push(event),
    });
    return this;
  }

  say(text: string): void {
    this.channel.multicast(new TextEncoder().encode(text));
  }

  /** Its kernel closes all its connections, and nothing of it runs any more. Only for a node that dials nobody. */
  async crash(): Promise<void> {
    for (const socket of accepted) if (socket.localAddress === addressOf(this.name)) socket.destroy();
    await this.channel.stop();
  }

  get members(): string {
    return this.views.at(-1)?.members.join("") ?? "";
  }

  counter(name: string): number {
    return this.channel.counters()[name] ?? Number.NaN;
  }
}

export function addressOf(name: string): string {
  return `${NET}.${"abc".indexOf(name) + 1}`;
}

export async function until(what: () => unknown, value: unknown = true): Promise<void> {
  await expect.poll(what, { timeout: 20_000, interval: 5 }).toEqual(value);
}

/** Waits until these nodes are in one view with each other and nobody else. */
export async function together(...nodes: TestNode[]): Promise<void> {
  const names = nodes.map((node) => node.name).join("");
  await until(
    () => nodes.map((node) => node.members === names && node.views.at(-1)?.seq === nodes[0]!.views.at(-1)?.seq),
    nodes.map(() => true),
  );
}
