/** Who of two has an address on the LAN (docs/PROTOCOL.md, "Refused peers"). */

/**
 * Two nodes that are in no view together have one address, or are about to: who of them lets go. Both come to the same
 * answer, whatever each knows of the other.
 *
 * @param own hardware address of this node on that LAN, as `rival`, in lower case: "02:00:00:00:00:01".
 */
export function yieldsTo(own: string, rival: string): boolean {
  return rival < own;
}
