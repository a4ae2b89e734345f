/**
 * Messages that were offered to a peer whose answer is not known: the connection broke, or this node died. The peer is
 * asked by id until it says; until then the message stays as it is on the disk, offered.
 */
import { setTimeout as delay } from "node:timers/promises";
import { explain } from "../errors.js";
import type { Desk } from "./desk.js";
import { connectPeer, readLine } from "./mmove-socket.js";
import { type Asked, type Fate, helloLine, parseAnswer, QUERY_MAX } from "./mmove-wire.js";
import type { MessageId, SpooledMessage } from "./spool/types.js";

const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 10_000;
const ANSWER_MS = 10_000;

export class MoveDoubts {
  readonly #byNode = new Map<string, Set<MessageId>>();
  readonly #asking = new Set<string>();
  readonly #stop = new AbortController();

  constructor(
    private readonly desk: Desk,
    private readonly key: Uint8Array,
  ) {}

  add(node: string, ids: readonly MessageId[]): void {
    const known = this.#byNode.get(node) ?? new Set();
    this.#byNode.set(node, known);
    for (const id of ids) known.add(id);
    if (ids.length === 0 || this.#asking.has(node)) return;
    this.desk.emit("mmove-in-doubt", "warn", { node, messages: known.size });
    this.#asking.add(node);
    void this.#resolve(node, known).finally(() => this.#asking.delete(node));
  }

  stop(): void {
    this.#stop.abort();
  }

  async #resolve(node: string, ids: Set<MessageId>): Promise<void> {
    let waitMs = RETRY_MIN_MS;
    while (ids.size > 0 && !this.#stop.signal.aborted) {
      try {
        if (await this.#ask(node, ids)) waitMs = RETRY_MIN_MS;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.desk.emit("mmove-unreachable", "warn", { node, reason: explain(error), retryMs: waitMs });
      }
      if (ids.size === 0) return;
      await delay(waitMs, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined);
      waitMs = Math.min(waitMs * 2, RETRY_MAX_MS);
    }
  }

  /** @returns true when something was settled. */
  async #ask(node: string, ids: Set<MessageId>): Promise<boolean> {
    const { config, places } = this.desk;
    const messages = [...ids].flatMap((id) => this.#stillInDoubt(node, id, ids)).slice(0, QUERY_MAX);
    if (messages.length === 0) return false;
    const endpoint = places.endpointOf(node);
    if (endpoint === null) throw new Error("nobody said where it takes mail");
    const asked: Asked[] = messages.map(({ id, context }) => ({ id, hops: context.hops + 1 }));
    const socket = await connectPeer(endpoint, config.nodename, this.key);
    let fates: ReadonlyMap<MessageId, Fate>;
    try {
      const answered = readLine(socket, ANSWER_MS);
      socket.write(helloLine({ verb: "QUERY", node: config.nodename, asked }));
      const line = await answered;
      const answer = parseAnswer(line);
      if (answer?.verb !== "FATE") throw new Error(`no answer to the question: ${line.slice(0, 200)}`);
      fates = answer.fates;
    } finally {
      socket.destroy();
    }
    return this.#settle(node, ids, messages, fates);
  }

  /** A message that came back, or was settled otherwise, is in doubt no more. */
  #stillInDoubt(node: string, id: MessageId, ids: Set<MessageId>): readonly SpooledMessage[] {
    const message = this.desk.spool.get(id);
    if (message?.moving?.node === node) return [message];
    ids.delete(id);
    return [];
  }

  async #settle(
    node: string,
    ids: Set<MessageId>,
    messages: readonly SpooledMessage[],
    fates: ReadonlyMap<MessageId, Fate>,
  ): Promise<boolean> {
    const { spool } = this.desk;
    const taken = messages.filter(({ id }) => ["queued", "moved", "done"].includes(fates.get(id) ?? ""));
    const absent = messages.filter(({ id }) => fates.get(id) === "unknown");
    await spool.finishMove(
      taken.map(({ id }) => id),
      node,
    );
    await spool.cancelMove(absent.map(({ id }) => id));
    for (const { id } of [...taken, ...absent]) ids.delete(id);
    this.desk.count("moved-out", taken.length);
    for (const { id, binding } of taken) this.desk.emit("mmove-settled", "info", { id, binding, node, taken: true });
    for (const { id, binding } of absent) {
      this.desk.emit("mmove-settled", "info", { id, binding, node, taken: false });
      this.desk.wake(binding);
    }
    return taken.length + absent.length > 0;
  }
}
