/**
 * How the members of a view get to know each other: each says what it has, and a digest of what it configures. What all
 * know by its digest need not be said again, so a node that comes back with the configuration of the others costs a few
 * bytes. What somebody does not know, the first member that configures it says once, to all.
 *
 * The same on every member after the same deliveries: an introduction is over for all of them at once, for those that
 * knew everything before too.
 *
 * Source: docs/PROTOCOL.md, "Views".
 */
import type { Entry } from "../catalogue/catalogue.js";
import { Malformed } from "../wire/bytes.js";
import type { Slices } from "../slices.js";
import { decodingCatalogue, encodeCatalogue } from "../wire/catalogue.js";
import { digestOf } from "../wire/digest.js";
import type { Announcement, Introduction } from "../wire/messages.js";
import { speaks, spokenBy, type VersionRange } from "../wire/versions.js";

/** What the members of a view know of each other in the end. */
export interface Acquaintance {
  /** In the order of members. */
  readonly announcements: readonly (readonly [member: string, announcement: Announcement])[];
  /** Members that do not speak the version of the view: they configure nothing there, and have nothing. */
  readonly strangers: readonly { readonly node: string; readonly speaks: VersionRange }[];
}

export class Introductions {
  /** By digest. What nobody in the last view configured is forgotten. */
  #known = new Map<string, readonly Entry[]>();
  readonly #own: { readonly bytes: Uint8Array; readonly digest: string };
  readonly #heard = new Map<string, Introduction>();
  readonly #said = new Set<string>();
  #members: readonly string[] = [];

  constructor(
    private readonly self: string,
    own: readonly Entry[],
  ) {
    const bytes = encodeCatalogue(own);
    this.#own = { bytes, digest: digestOf(bytes) };
    this.#known.set(this.#own.digest, own);
  }

  /** For this node's own introduction. */
  get catalogue(): string {
    return this.#own.digest;
  }

  get known(): readonly string[] {
    return [...this.#known.keys()];
  }

  enter(members: readonly string[]): void {
    this.#members = members;
    this.#heard.clear();
    this.#said.clear();
  }

  /** @returns the catalogue that this node has to say now, or null. */
  hear(from: string, introduction: Introduction): Uint8Array | null {
    if (!this.#members.includes(from) || this.#heard.has(from)) return null;
    this.#heard.set(from, introduction);
    const { digest, bytes } = this.#own;
    return this.#isFirst(digest) && this.#missing().includes(digest) ? bytes : null;
  }

  /** @returns false when it is no catalogue; its addresses are nobody's then. */
  *learning(bytes: Uint8Array): Slices<boolean> {
    const digest = digestOf(bytes);
    this.#said.add(digest);
    if (this.#known.has(digest)) return true;
    try {
      this.#known.set(digest, yield* decodingCatalogue(bytes));
      return true;
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#known.set(digest, []);
      return false;
    }
  }

  /** @returns what each member announces, in the order of members, once that is known to all; null before. */
  complete(): Acquaintance | null {
    if (this.#heard.size < this.#members.length || this.#missing().length > 0) return null;
    const used = new Map<string, readonly Entry[]>([[this.#own.digest, this.#known.get(this.#own.digest) ?? []]]);
    const version = spokenBy([...this.#heard.values()].map((said) => said.speaks));
    const announcements: [string, Announcement][] = [];
    const strangers: { node: string; speaks: VersionRange }[] = [];
    for (const member of this.#members) {
      const said = this.#heard.get(member);
      if (said === undefined) continue;
      const entries = this.#known.get(said.catalogue) ?? [];
      used.set(said.catalogue, entries);
      if (speaks(said.speaks, version)) announcements.push([member, { ...said, entries }]);
      else {
        strangers.push({ node: member, speaks: said.speaks });
        announcements.push([member, { ...said, entries: [], claims: [] }]);
      }
    }
    this.#known = used;
    return { announcements, strangers };
  }

  #isFirst(digest: string): boolean {
    return this.#members.find((member) => this.#heard.get(member)?.catalogue === digest) === this.self;
  }

  /** Catalogues that somebody does not know, and that were not said in this view; none before all are heard. */
  #missing(): string[] {
    if (this.#heard.size < this.#members.length) return [];
    const all = [...this.#heard.values()];
    const wanted = new Set(all.map(({ catalogue }) => catalogue));
    return [...wanted].filter((digest) => !this.#said.has(digest) && all.some(({ known }) => !known.includes(digest)));
  }
}
