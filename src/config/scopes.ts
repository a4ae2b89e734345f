/**
 * Syntax trees -> one tree of scopes, checked against the schema: includes expanded in place, re-opened scopes merged, later
 * settings over earlier ones, names found regardless of case, values read by their option's type.
 */
import type { Diagnostics } from "./diagnostics.js";
import type { Foreign } from "./foreign.js";
import type { Loader } from "./includes.js";
import type { Option } from "./options.js";
import { ROOT_RULE, type ScopeRule } from "./schema.js";
import type { OptionStatement, ScopeStatement, Statement } from "./syntax.js";
import type { SourceLocation } from "./types.js";

export interface Scope {
  readonly rule: ScopeRule;
  /** Name of the instance, case kept; "" for an anonymous scope. */
  readonly name: string;
  readonly at: SourceLocation;
  readonly settings: Map<Option<unknown>, Setting<unknown>>;
  readonly scopes: Scope[];
}

/** What the text says about one option. */
export interface Setting<T> {
  /** undefined: the text was not understood, which has been reported. */
  readonly value: T | undefined;
  /** Where the value stands. */
  readonly at: SourceLocation;
}

/** The setting of the first scope that has one: the most specific comes first. */
export function setting<T>(option: Option<T>, ...scopes: readonly Scope[]): Setting<T> | undefined {
  for (const scope of scopes) {
    const found = scope.settings.get(option);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- A setting is kept under the option that read it.
    if (found !== undefined) return found as Setting<T>;
  }
  return undefined;
}

/** The value in the first scope that sets the option, else its default. */
export function valueOf<T>(option: Option<T>, ...scopes: readonly Scope[]): T {
  return setting(option, ...scopes)?.value ?? option.fallback;
}

/** The values of a whole table of options, keyed as the table is. */
export function valuesOf<Table extends Readonly<Record<string, Option<unknown>>>>(
  table: Table,
  ...scopes: readonly Scope[]
): { readonly [Key in keyof Table]: Table[Key] extends Option<infer T> ? T : never } {
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(table)) values[key] = valueOf(option, ...scopes);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Each value comes from the option of its key.
  return values as { [Key in keyof Table]: Table[Key] extends Option<infer T> ? T : never };
}

export function childrenOf(scope: Scope, rule: ScopeRule): Scope[] {
  return scope.scopes.filter((child) => child.rule === rule);
}

/** The one instance of an anonymous scope; an empty one where the text has none. */
export function singleton(scope: Scope, rule: ScopeRule): Scope {
  return scope.scopes.find((child) => child.rule === rule) ?? newScope(rule, "", scope.at);
}

/** Reads the main file and all that it includes. Total: mistakes are reported and left out. */
export function readScopes(path: string, loader: Loader, diagnostics: Diagnostics): Scope {
  const root = newScope(ROOT_RULE, "", { file: path, line: 1, column: 1 });
  new Merger(loader, diagnostics).read(path, root);
  return root;
}

function newScope(rule: ScopeRule, name: string, at: SourceLocation): Scope {
  return { rule, name, at, settings: new Map(), scopes: [] };
}

/** What a name means in a scope. */
type Entry =
  | { readonly kind: "option"; readonly option: Option<unknown> }
  | { readonly kind: "scope"; readonly rule: ScopeRule }
  | { readonly kind: "foreign"; readonly name: string; readonly foreign: Foreign }
  | { readonly kind: "refused"; readonly name: string; readonly why: string; readonly remedy: string };

class Merger {
  readonly #loader: Loader;
  readonly #diagnostics: Diagnostics;
  readonly #tables = new Map<ScopeRule, ReadonlyMap<string, Entry>>();
  readonly #noted = new Set<string>();
  /** Instances of scopes that merge. */
  readonly #merged = new Map<Scope, Map<string, Scope>>();

  constructor(loader: Loader, diagnostics: Diagnostics) {
    this.#loader = loader;
    this.#diagnostics = diagnostics;
  }

  read(path: string, root: Scope): void {
    this.#loader.main(path, (statements) => this.#merge(statements, root));
  }

  #merge(statements: readonly Statement[], scope: Scope): void {
    for (const statement of statements) {
      if (statement.kind === "include") {
        this.#loader.include(statement, (included) => this.#merge(included, scope));
        continue;
      }
      const entry = this.#table(scope.rule).get(statement.name.toLowerCase());
      if (entry === undefined) this.#unknown(statement, scope);
      else if (entry.kind === "foreign") this.#foreign(statement, entry.foreign, scope);
      else if (entry.kind === "refused") {
        this.#diagnostics.error("refused-option", statement.at, `${entry.name} ${entry.why}`, entry.remedy);
      } else if (entry.kind === "scope") this.#scope(statement, entry.rule, scope);
      else this.#option(statement, entry.option, scope);
    }
  }

  #option(statement: OptionStatement | ScopeStatement, option: Option<unknown>, scope: Scope): void {
    if (statement.kind === "scope") {
      const remedy = `write ${option.name} = and a value`;
      this.#diagnostics.error("not-a-scope", statement.at, `${option.name} is an option, not a scope`, remedy);
      return;
    }
    const before = scope.settings.get(option);
    // The same file may be included twice, and then sets everything twice.
    if (before?.at.file === statement.at.file && before.at.line !== statement.value.at.line) {
      const message = `${option.name} was already set in line ${before.at.line}; this value counts`;
      this.#diagnostics.warn("set-twice", statement.at, message);
    }
    const reading = option.read(statement.value);
    if ("problem" in reading) {
      this.#diagnostics.error("invalid-value", reading.at, `${option.name} ${reading.problem}`);
      scope.settings.set(option, { value: undefined, at: reading.at });
    } else scope.settings.set(option, { value: reading.value, at: statement.value.at });
  }

  #scope(statement: OptionStatement | ScopeStatement, rule: ScopeRule, parent: Scope): void {
    if (statement.kind === "option") {
      const form = rule.instance === null ? `${rule.name} { ... }` : `${rule.name} "${rule.instance}" { ... }`;
      this.#diagnostics.error("not-an-option", statement.at, `${rule.name} is a scope, not an option`, `write ${form}`);
      return;
    }
    const name = this.#instanceName(statement, rule);
    if (name !== null) this.#merge(statement.body, this.#open(rule, name, parent, statement.at));
  }

  #instanceName({ instance, at }: ScopeStatement, rule: ScopeRule): string | null {
    if (rule.instance === null && instance !== null) {
      const message = `${rule.name} takes no name, and is given "${instance.text}"`;
      this.#diagnostics.error("name-not-expected", instance.at, message, `write ${rule.name} { ... }`);
      return "";
    }
    if (rule.instance !== null && (instance === null || instance.text === "")) {
      this.#diagnostics.error("name-missing", at, `${rule.name} needs a name: ${rule.instance}`);
      return null;
    }
    return instance?.text ?? "";
  }

  #open(rule: ScopeRule, name: string, parent: Scope, at: SourceLocation): Scope {
    const instances = this.#merged.get(parent) ?? new Map<string, Scope>();
    this.#merged.set(parent, instances);
    const key = `${rule.name} ${name}`;
    const known = rule.merges ? instances.get(key) : undefined;
    if (known !== undefined) return known;
    const opened = newScope(rule, name, at);
    if (rule.merges) instances.set(key, opened);
    parent.scopes.push(opened);
    return opened;
  }

  /** Said once for each scope and name: a hundred thousand bindings may carry the same line. */
  #foreign(statement: Statement, { name, why, severity }: Foreign, scope: Scope): void {
    const identity = `${scope.rule.name} ${name}`;
    if (this.#noted.has(identity)) return;
    this.#noted.add(identity);
    const place = scope.rule === ROOT_RULE ? "" : ` in ${scope.rule.name}`;
    const message = `${name}${place} ${why}`;
    if (severity === "warning") this.#diagnostics.warn("no-effect", statement.at, message);
    else this.#diagnostics.note("no-effect", statement.at, message);
  }

  #unknown({ name, kind, at }: OptionStatement | ScopeStatement, { rule, name: instance, at: opened }: Scope): void {
    const homes = HOMES.get(name.toLowerCase());
    if (homes !== undefined) {
      const message = `${name} does not belong in ${rule.name}, but in ${[...homes].join(" or ")}`;
      const scope = `${scopeTitle({ rule, name: instance })} of line ${opened.line}`;
      const remedy = kind === "scope" && rule !== ROOT_RULE ? `is ${scope} meant to end before this?` : null;
      this.#diagnostics.error("misplaced", at, message, remedy);
      return;
    }
    const what = kind === "scope" ? "a scope" : "an option";
    const message = `${name} is not ${what} of ${rule.name}`;
    this.#diagnostics.error(`unknown-${kind}`, at, message, this.#diagnostics.suggestion(name, this.#names(rule)));
  }

  #names(rule: ScopeRule): string[] {
    return [...this.#table(rule).values()].map((entry) => {
      if (entry.kind === "option") return entry.option.name;
      return entry.kind === "scope" ? entry.rule.name : entry.name;
    });
  }

  #table(rule: ScopeRule): ReadonlyMap<string, Entry> {
    const known = this.#tables.get(rule);
    if (known !== undefined) return known;
    const table = tableOf(rule);
    this.#tables.set(rule, table);
    return table;
  }
}

/** What holdfast knows comes after what it only knows of: Message_Expiration counts globally and not in a binding. */
function tableOf(rule: ScopeRule): ReadonlyMap<string, Entry> {
  const table = new Map<string, Entry>();
  for (const foreign of rule.foreign) {
    table.set(foreign.name.toLowerCase(), { kind: "foreign", name: foreign.name, foreign });
  }
  for (const refused of rule.refused ?? []) table.set(refused.name.toLowerCase(), { kind: "refused", ...refused });
  for (const child of rule.scopes) table.set(child.name.toLowerCase(), { kind: "scope", rule: child });
  for (const option of Object.values(rule.options)) {
    for (const name of [option.name, ...option.aliases]) table.set(name.toLowerCase(), { kind: "option", option });
  }
  return table;
}

/** Where each name is at home, by its lower-case form. */
const HOMES: ReadonlyMap<string, ReadonlySet<string>> = homesIn(ROOT_RULE, new Map());

function homesIn(rule: ScopeRule, homes: Map<string, Set<string>>): Map<string, Set<string>> {
  for (const { name } of [...Object.values(rule.options), ...rule.scopes]) {
    const known = homes.get(name.toLowerCase()) ?? new Set();
    homes.set(name.toLowerCase(), known.add(rule.name));
  }
  for (const child of rule.scopes) homesIn(child, homes);
  return homes;
}

/** `Listen "10.1.1.1:25"`, for messages. */
export function scopeTitle({ rule, name }: Pick<Scope, "rule" | "name">): string {
  return rule.instance === null ? rule.name : `${rule.name} "${name}"`;
}
