/** One turn of the event loop, and how much of it one kind of work may have: heartbeats, mail and the console share it. */
import { setImmediate as nextTurn } from "node:timers/promises";

const TURN_MS = 5;

export class Turn {
  #began = performance.now();

  get isOver(): boolean {
    return performance.now() - this.#began >= TURN_MS;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#began = performance.now();
  }
}
