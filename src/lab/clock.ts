/** CLOCK_MONOTONIC in milliseconds: one clock for every process and every network namespace of this host. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
