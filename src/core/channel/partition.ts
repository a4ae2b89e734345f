/**
 * Who should be in a view with whom, from who reaches whom: the same answer on every node that knows the same rows.
 *
 * A view may hold only nodes that all reach each other. Two wishes beyond that:
 * - A view loses nobody but those whose links failed, and of these as few as possible: first the companions of each
 *   view are divided, the best connected node choosing first.
 * - Nobody leaves his companions to join others, so that a network that heals link by link does not make a view a
 *   link: only whole cliques merge, the largest first, and only once every link between them is there.
 */
import type { Row } from "./frames.js";
import type { RoundId } from "./round.js";

/** @param rows one a node, `self` among them. @returns names, sorted; the first is to be the coordinator. */
export function componentOf(self: string, rows: Iterable<Row>): readonly string[] {
  const cliques = companies(rows).flatMap(divide).sort(largestFirst);
  const unions: Row[][] = [];
  for (const clique of cliques) {
    const union = unions.find((union) => union.every((a) => clique.every((b) => mutual(a, b))));
    if (union === undefined) unions.push([...clique]);
    else union.push(...clique);
  }
  const mine = unions.find((union) => union.some((row) => row.name === self)) ?? [];
  return mine.map((row) => row.name).sort();
}

/** A link is to one run of a peer: what is known of an earlier one is void, also where its row is the last that came. */
export function mutual(a: Row, b: Row): boolean {
  return a.reach.get(b.name) === b.incarnation && b.reach.get(a.name) === a.incarnation;
}

/**
 * Nodes that are in one view, or have promised one that another is in. The promise counts because a round installs its
 * view node by node: meanwhile those that have it and those that wait for it must still look like company, also when these
 * have gone on to promise a later round. A round that nobody is known to have installed makes no company: its coordinator
 * would come between those that are in a view.
 */
function companies(rows: Iterable<Row>): Row[][] {
  const all = [...rows];
  const views = new Set(all.map(({ view }) => textOf(view)));
  const groupOf = new Map<string, Row[]>();
  const groups = new Set<Row[]>();
  for (const row of all) {
    const group = [row];
    groups.add(group);
    for (const round of [row.view, ...row.passed, row.promised]) {
      if (round.counter === 0 || !views.has(textOf(round))) continue;
      const other = groupOf.get(textOf(round)) ?? group;
      groupOf.set(textOf(round), group);
      if (other === group) continue;
      groups.delete(other);
      group.push(...other);
      for (const [key, value] of groupOf) if (value === other) groupOf.set(key, group);
    }
  }
  return [...groups];
}

function divide(company: readonly Row[]): Row[][] {
  const degree = new Map(company.map((row) => [row, company.filter((other) => mutual(row, other)).length]));
  const choosers = [...company].sort((a, b) => degree.get(b)! - degree.get(a)! || byName(a, b));
  const cliques: Row[][] = [];
  for (let rest = choosers; rest.length > 0; ) {
    const clique: Row[] = [];
    for (const row of rest) if (clique.every((member) => mutual(member, row))) clique.push(row);
    cliques.push(clique.sort(byName));
    rest = rest.filter((row) => !clique.includes(row));
  }
  return cliques;
}

function largestFirst(a: readonly Row[], b: readonly Row[]): number {
  return b.length - a.length || byName(a[0]!, b[0]!);
}

function byName(a: Row, b: Row): number {
  return a.name < b.name ? -1 : 1;
}

function textOf(round: RoundId): string {
  return `${round.counter} ${round.coordinator} ${round.incarnation}`;
}
