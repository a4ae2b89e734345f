/** One value a slot (address-slots.ts), null where there is none. In pieces: growing never copies what is there. */

const CHUNK = 4096;

export class SlotTable<Value> {
  readonly #chunks: (Value | null)[][] = [];

  /** Slots that may have a value. */
  get length(): number {
    return CHUNK * this.#chunks.length;
  }

  get(slot: number): Value | null {
    return this.#chunks[Math.floor(slot / CHUNK)]?.[slot % CHUNK] ?? null;
  }

  set(slot: number, value: Value | null): void {
    while (this.length <= slot) this.#chunks.push(Array.from({ length: CHUNK }, () => null));
    this.#chunks[Math.floor(slot / CHUNK)]![slot % CHUNK] = value;
  }

  clear(): void {
    this.#chunks.length = 0;
  }
}
