/** When a delivery that did not succeed is tried again: pure. */
import { crc32 } from "node:zlib";

export interface RetryOptions {
  readonly retryIntervalMs: number;
  readonly maxRetryIntervalMs: number;
}

/**
 * Doubles from `retryIntervalMs` up to `maxRetryIntervalMs`, plus up to a tenth, so that mail that failed together does
 * not come back together. The last attempt falls on the expiry rather than after it.
 *
 * @param attempts made so far, from 1. @param random 0 to below 1.
 */
export function nextAttempt(
  nowMs: number,
  attempts: number,
  expiresAtMs: number,
  options: RetryOptions,
  random: number,
): number {
  const wait = Math.min(options.retryIntervalMs * 2 ** Math.min(attempts - 1, 30), options.maxRetryIntervalMs);
  const at = nowMs + Math.round(wait * (1 + random / 10));
  return nowMs < expiresAtMs ? Math.min(at, expiresAtMs) : at;
}

/** 0 to below 1, the same for all recipients and attempts of a message: what failed together comes back together. */
export function spreadOf(id: string): number {
  return crc32(id) / 2 ** 32;
}
