/**
 * 128 bits that stand for some bytes, as 32 hexadecimal digits: four lanes of FNV-1a over words, each finished like
 * MurmurHash3. Good against chance; a member that wants to mislead has the cluster key, and simpler ways.
 */
const LANES = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35] as const;
const PRIME = 0x01000193;

export function digestOf(bytes: Uint8Array): string {
  return LANES.map((basis, lane) => {
    let hash = basis ^ bytes.length;
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0) ^ (lane << 8), PRIME);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return ((hash ^ (hash >>> 16)) >>> 0).toString(16).padStart(8, "0");
  }).join("");
}
