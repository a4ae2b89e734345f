/** What is to be announced in which order. */
import type { Segment } from "./segment.js";

/** Addresses that were asked for together. */
export interface Request {
  /** Higher is later. */
  readonly order: number;
  readonly segment: Segment;
  readonly rounds: number;
}

/** A part of a request that goes out together, by slots (address-slots.ts). */
export interface Batch {
  readonly request: Request;
  readonly slots: ArrayLike<number>;
  /** Those before it are sent in this round. */
  next: number;
  /** 0 is the first; REFRESH_ROUND. */
  readonly round: number;
  /** performance.now() before which this round may not begin. */
  readonly due: number;
  /** Of those that are alike in all else: lower goes first. */
  readonly part: number;
}

/** Of a refresh: after every round of whatever was asked for. */
export const REFRESH_ROUND = Number.MAX_SAFE_INTEGER;

/** Positive when `a` goes after `b`. */
function byUrgency(a: Batch, b: Batch): number {
  return a.round - b.round || b.request.order - a.request.order || a.due - b.due || a.part - b.part;
}

/** First rounds before repeated ones, and among equals the latest request. */
export class AnnounceQueue {
  /** The first at the end. */
  readonly #batches: Batch[] = [];

  get length(): number {
    return this.#batches.length;
  }

  put(batch: Batch): void {
    let low = 0;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (byUrgency(this.#batches[middle]!, batch) > 0) low = middle + 1;
      else high = middle;
    }
    this.#batches.splice(low, 0, batch);
  }

  first(): Batch | undefined {
    return this.#batches.at(-1);
  }

  dropFirst(): void {
    this.#batches.pop();
  }

  clear(): void {
    this.#batches.length = 0;
  }
}
