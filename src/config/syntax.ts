/** The syntax tree of one file. Nothing is interpreted yet: names keep their case, values are text. */
import type { SourceLocation } from "./types.js";

export type Statement = OptionStatement | ScopeStatement | IncludeStatement;

export interface OptionStatement {
  readonly kind: "option";
  readonly name: string;
  readonly value: Value;
  readonly at: SourceLocation;
}

export interface ScopeStatement {
  readonly kind: "scope";
  readonly name: string;
  /** null: anonymous, `cluster { }`. */
  readonly instance: Scalar | null;
  readonly body: readonly Statement[];
  readonly at: SourceLocation;
}

export interface IncludeStatement {
  readonly kind: "include";
  readonly path: Scalar;
  readonly at: SourceLocation;
}

export type Value = Scalar | List | Dictionary;

export interface Scalar {
  readonly kind: "scalar";
  readonly text: string;
  readonly at: SourceLocation;
}

export interface List {
  readonly kind: "list";
  readonly items: readonly Scalar[];
  readonly at: SourceLocation;
}

export interface Dictionary {
  readonly kind: "dictionary";
  readonly entries: readonly { readonly key: Scalar; readonly value: Scalar }[];
  readonly at: SourceLocation;
}
