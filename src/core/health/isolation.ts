/**
 * Which member is at fault where members do not hear each other on the network of a Topology. Each says whom it hears: who has
 * answered its questions there. A question and its answer need both directions, so a fault in one of them is a fault.
 *
 * Source: docs/PROTOCOL.md, "Health".
 */

/** In one Topology: whom each member hears. Who cannot ask there is not in it. */
export type Heard = ReadonlyMap<string, ReadonlySet<string>>;

/** Those that some other member hears, or that hear one, this one left out: their network works without it. */
export function companyWithout(heard: Heard, member: string): Set<string> {
  const company = new Set<string>();
  for (const [listener, others] of heard) {
    if (listener === member) continue;
    for (const other of others) if (other !== member && other !== listener) company.add(listener).add(other);
  }
  return company;
}

/** It hears nobody of that company. */
export function isApart(heard: Heard, member: string): boolean {
  const company = companyWithout(heard, member);
  if (company.size === 0) return false;
  for (const other of heard.get(member) ?? []) if (company.has(other)) return false;
  return true;
}

/** It is apart, and not everybody is: where all are, nobody can tell whose network it is that fails. */
export function isIsolated(heard: Heard, member: string): boolean {
  if (!heard.has(member) || !isApart(heard, member)) return false;
  for (const other of heard.keys()) if (other !== member && !isApart(heard, other)) return true;
  return false;
}
