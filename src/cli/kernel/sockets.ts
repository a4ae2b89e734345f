/** `holdfast kernel connections` and `kill-sockets`: what is on a set of addresses, and its end. */
import { isIPv6 } from "node:net";
import type { Connection, Kernel, KillResult } from "../../kernel/index.js";

export function formatConnection({ local, localPort, remote, remotePort }: Connection): string {
  return `${endpoint(local, localPort)} ${endpoint(remote, remotePort)}\n`;
}

function endpoint(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Plain data: what `--json` prints. */
export interface KillReport extends KillResult {
  readonly addresses: number;
  readonly elapsedMs: number;
}

export async function killOn(kernel: Kernel, addresses: readonly string[], listening: boolean): Promise<KillReport> {
  const startedAt = performance.now();
  const result = await kernel.killSockets(addresses, { listening });
  return { ...result, addresses: addresses.length, elapsedMs: Math.round(performance.now() - startedAt) };
}

export function formatKill({ closed, failures, addresses, elapsedMs }: KillReport): string {
  const lines = failures.map(({ errno, count, reason }) => `failed: ${count} sockets: ${errno}: ${reason}\n`);
  return `${lines.join("")}closed ${closed} sockets on ${addresses} addresses in ${elapsedMs} ms\n`;
}
