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
 * view node by node: meanwhile those that have it and those that wait for it must still look like company. It counts also when
 * one has gone on to promise a later round, if the others came to that view from his: they were companions before, and he
 * has not left them. A round that nobody is known to have installed makes no company: its coordinator would come between
 * those that are in a view; nor does one that a node answered on its way from elsewhere, for the sake of another.
 */
function companies(rows: Iterable<Row>): Row[][] {
  const all = [...rows];
  const origins = originsOf(all);
  const groupOf = new Map<string, Row[]>();
  const groups = new Set<Row[]>();
  for (const row of all) {
    const group = [row];
    groups.add(group);
    for (const key of bonds(row, origins)) {
      const other = groupOf.get(key) ?? group;
      groupOf.set(key, group);
      if (other === group) continue;
      groups.delete(other);
      group.push(...other);
      for (const [known, value] of groupOf) if (value === other) groupOf.set(known, group);
    }
  }
  return [...groups];
}

/** By view that somebody is in: the views that those in it were in before. */
function originsOf(rows: readonly Row[]): ReadonlyMap<string, ReadonlySet<string>> {
  const origins = new Map<string, Set<string>>();
  for (const { view, past } of rows) {
    if (view.counter === 0) continue;
    const known = origins.get(textOf(view)) ?? new Set();
    origins.set(textOf(view), known);
    for (const round of past) known.add(textOf(round));
  }
  return origins;
}

/** The views by which a node has companions. */
function bonds({ view, promised, passed }: Row, origins: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const own = textOf(view);
  const answered = passed.map(textOf).filter((round) => origins.get(round)?.has(own) === true);
  return [own, textOf(promised), ...answered].filter((round) => origins.has(round));
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
