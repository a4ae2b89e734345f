/**
 * What this node knows of who reaches whom: one row a node, its own among them. Rows spread by flooding, as in a
 * link-state routing protocol (RFC 2328 section 13): a newer row is passed on to those that may not have it.
 */
import { MAX_NODES, type Row } from "./frames.js";
import { componentOf, mutual } from "./partition.js";

export class Graph {
  readonly #rows = new Map<string, Row>();
  /** The run of each peer that this node has a link to: what older runs said of themselves is void. */
  readonly #runs = new Map<string, number>();
  readonly #leftOutUntil = new Map<string, number>();
  #own: Row;
  /** The last answer of `component`, until something changes. */
  #component: readonly string[] | null = null;

  constructor(own: Row) {
    this.#own = own;
    this.#rows.set(own.name, own);
  }

  get own(): Row {
    return this.#own;
  }

  rows(): readonly Row[] {
    return [...this.#rows.values()];
  }

  row(name: string): Row | undefined {
    return this.#rows.get(name);
  }

  /** @returns the new own row, which the peers should hear of. */
  change(own: Partial<Omit<Row, "name" | "incarnation" | "version">>): Row {
    this.#own = { ...this.#own, ...own, version: this.#own.version + 1 };
    this.#rows.set(this.#own.name, this.#own);
    this.#component = null;
    return this.#own;
  }

  /** Takes what a peer says. @returns the rows that were news, the own one when an earlier run's had to be outbid. */
  learn(rows: readonly Row[]): readonly Row[] {
    const news: Row[] = [];
    for (const row of rows) {
      const known = this.#rows.get(row.name);
      if (known === undefined ? this.#rows.size >= MAX_NODES : row.version <= known.version) continue;
      if ((this.#runs.get(row.name) ?? row.incarnation) !== row.incarnation) continue;
      if (row.name === this.#own.name) {
        // A run before this one said so, with a clock that was ahead of ours.
        this.#own = { ...this.#own, version: row.version };
        news.push(this.change({}));
      } else {
        this.#rows.set(row.name, row);
        this.#component = null;
        news.push(row);
      }
    }
    return news;
  }

  /** Whether `peer` may hear of `row` from nobody but us. */
  needs(peer: string, row: Row): boolean {
    const theirs = this.#rows.get(peer);
    return row.name !== peer && (theirs === undefined || !mutual(row, theirs));
  }

  /** This node has a link to that run of `peer`. */
  meet(peer: string, incarnation: number): void {
    this.#runs.set(peer, incarnation);
    if (this.#rows.get(peer)?.incarnation !== incarnation) this.#rows.delete(peer);
    this.#leftOutUntil.delete(peer);
    this.#component = null;
  }

  /**
   * A peer whose link is gone has most likely gone altogether, and the others are about to notice. Until `until` it is
   * left out of our reckoning, as though they had: else their rows, which still name it, would make us the odd one.
   */
  lose(peer: string, until: number): void {
    this.#runs.delete(peer);
    this.#leftOutUntil.set(peer, until);
    this.#component = null;
  }

  /** The members of the view that this node should be in at `at`; the first is its coordinator. */
  component(at: number): readonly string[] {
    for (const [peer, until] of this.#leftOutUntil) {
      if (at < until) continue;
      this.#leftOutUntil.delete(peer);
      this.#component = null;
    }
    this.#component ??= componentOf(
      this.#own.name,
      this.rows().filter((row) => !this.#leftOutUntil.has(row.name)),
    );
    return this.#component;
  }
}
