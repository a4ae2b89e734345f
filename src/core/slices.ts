/**
 * Work that grows with the table, in slices: a generator that yields after so many steps, wherever its state can be left for a
 * while, and knows no time. Who runs it may let other work have a turn in between; only nothing may be asked of what it is
 * working on before it is done.
 *
 * Source: docs/adr/0010.
 */
export type Slices<T> = Generator<undefined, T, undefined>;

/** Steps in a slice, each of some microseconds: a slice is well under a millisecond. */
export const SLICE = 256;

/** All of it at once. */
export function run<T>(work: Slices<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
