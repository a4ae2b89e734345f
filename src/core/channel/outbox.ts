/** Collects the outputs of one step. */
import type { RefusedPeer } from "./refused-peers.js";
import type { View } from "../view.js";
import { encodeFrame, type Frame, type Message } from "./frames.js";
import type { ChannelEvent, ChannelOutput } from "./io.js";
import type { Link } from "./links.js";

export class Outbox {
  #outputs: ChannelOutput[] = [];

  /** What has been collected; the box is empty then. */
  take(): ChannelOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  send(links: readonly Link[], frame: Frame): void {
    if (links.length === 0) return;
    const bytes = encodeFrame(frame);
    for (const link of links) this.#outputs.push({ kind: "send", link: link.id, bytes });
  }

  close(link: number, reason: string): void {
    this.#outputs.push({ kind: "close", link, reason });
  }

  heartbeat(): void {
    this.#outputs.push({ kind: "heartbeat" });
  }

  view(view: View): void {
    this.#outputs.push({ kind: "view", view });
  }

  transition(): void {
    this.#outputs.push({ kind: "transition" });
  }

  deliver(message: Message): void {
    this.#outputs.push({ kind: "deliver", from: message.from, payload: message.payload });
  }

  refused(peers: readonly RefusedPeer[]): void {
    this.#outputs.push({ kind: "refused", peers });
  }

  event(code: ChannelEvent["code"], level: ChannelEvent["level"], facts: ChannelEvent["facts"]): void {
    this.#outputs.push({ kind: "event", event: { code, level, facts } });
  }
}
