/** Linux capabilities of this process (capabilities(7)), as /proc/self/status tells them. */
import { readFileSync } from "node:fs";
import { HoldfastError } from "../errors.js";

/** Number in linux/capability.h, and what it is needed for. */
const NEEDED = [
  { name: "CAP_NET_ADMIN", bit: 12n },
  { name: "CAP_NET_RAW", bit: 13n },
  { name: "CAP_NET_BIND_SERVICE", bit: 10n },
] as const;

/** @returns the names of those that holdfast needs and this process lacks. */
export function missingCapabilities(): string[] {
  const [, effective = "0"] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  const bits = BigInt(`0x${effective}`);
  return NEEDED.filter(({ bit }) => ((bits >> bit) & 1n) === 0n).map(({ name }) => name);
}

export function capabilityError(message: string, missing: readonly string[], cause?: unknown): HoldfastError {
  return new HoldfastError(
    "ERR_CAPABILITY_MISSING",
    `${message}: this process lacks ${missing.join(", ")}; run it as root, or give it ` +
      `AmbientCapabilities=${NEEDED.map(({ name }) => name).join(" ")} in its systemd unit`,
    { missing: missing.join(" ") },
    { cause },
  );
}
