/** Changes of one message happen one after another: each reads the record that the one before it left on disk. */
import type { MessageId } from "./types.js";

export class Turns {
  readonly #taken = new Map<MessageId, Promise<void>>();

  /** Resolves once nobody else changes any of `ids`. @returns the release, to be called once. */
  async take(ids: readonly MessageId[]): Promise<() => void> {
    for (;;) {
      const earlier = ids.map((id) => this.#taken.get(id)).find((turn) => turn !== undefined);
      if (earlier === undefined) break;
      await earlier;
    }
    let release = () => {};
    const turn = new Promise<void>((resolve) => {
      release = resolve;
    });
    for (const id of ids) this.#taken.set(id, turn);
    return () => {
      for (const id of ids) this.#taken.delete(id);
      release();
    };
  }

  /** Resolves once every turn that was taken has been released. */
  async over(): Promise<void> {
    await Promise.all(this.#taken.values());
  }
}
