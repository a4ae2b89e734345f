/**
 * Which sets of peers may speak for all of them. Any two such sets have a member in common: two majorities have, and a
 * half that holds the first name meets every majority, and every other such half.
 */

/**
 * More than half of the peers; or exactly half, with the first of all names among them, so that a cluster of two, or one
 * that breaks in two halves, goes on in one of them (votequorum's auto_tie_breaker).
 */
export function isQuorate(members: Iterable<string>, peers: readonly string[]): boolean {
  const present = new Set(members);
  const there = peers.filter((peer) => present.has(peer)).length;
  if (2 * there !== peers.length) return 2 * there > peers.length;
  const first = peers.reduce((least, peer) => (peer < least ? peer : least), peers[0] ?? "");
  return present.has(first);
}
