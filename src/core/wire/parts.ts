/**
 * Messages of any size: a long one goes in parts, and is put together again for each sender. A sender's parts come in its
 * order; where a change of view took some of them, the rest is nobody's.
 *
 * Source: docs/PROTOCOL.md, "Messages".
 */

/** So much of a message goes at once, and heartbeats and others' messages get their turn in between. */
const PART_BYTES = 512 * 1024;
/** Of one sender: a catalogue of a million addresses with long names, and no more. */
const MESSAGE_BYTES = 128 * 1024 * 1024;

export interface Part {
  /** Of the message, among those of the sender that went in parts. */
  readonly number: number;
  /** Of the part, from 0. */
  readonly index: number;
  readonly last: boolean;
  readonly bytes: Uint8Array;
}

export function split(message: Uint8Array, number: number): Part[] {
  const count = Math.ceil(message.length / PART_BYTES);
  return Array.from({ length: count }, (_, index) => {
    const bytes = message.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
    return { number, index, last: index === count - 1, bytes };
  });
}

export function isLong(message: Uint8Array): boolean {
  return message.length > PART_BYTES;
}

interface Heap {
  readonly number: number;
  readonly parts: Uint8Array[];
  bytes: number;
}

export class Parts {
  readonly #heaps = new Map<string, Heap>();

  /** A view delivers all of a message, or none of it counts. */
  clear(): void {
    this.#heaps.clear();
  }

  /** @returns the message once its last part is there, "more" before, and null for a part that does not follow. */
  add(from: string, { number, index, last, bytes }: Part): Uint8Array | "more" | null {
    const heap = index === 0 ? { number, parts: [], bytes: 0 } : this.#heaps.get(from);
    this.#heaps.delete(from);
    if (heap?.number !== number || heap.parts.length !== index) return null;
    heap.parts.push(bytes);
    heap.bytes += bytes.length;
    if (heap.bytes > MESSAGE_BYTES) return null;
    if (last) return joined(heap);
    this.#heaps.set(from, heap);
    return "more";
  }
}

function joined({ parts, bytes }: Heap): Uint8Array {
  const message = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    message.set(part, at);
    at += part.length;
  }
  return message;
}
