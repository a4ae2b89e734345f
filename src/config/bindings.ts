/** Bindings and their groups, as written: what DuraVIP makes of them is in duravip.ts. */
import { placeOf } from "./cluster.js";
import type { Diagnostics } from "./diagnostics.js";
import { BINDING, BINDING_GROUP, BINDING_GROUP_RULE, BINDING_RULE } from "./schema.js";
import { childrenOf, type Scope, type Setting, setting, valueOf } from "./scopes.js";
import type { Binding, BindingGroup } from "./types.js";

/** The DuraVIP options of a stanza, as written. */
export interface Marks {
  readonly enable: Setting<boolean> | undefined;
  readonly preference: Setting<readonly string[]> | undefined;
}

export interface WrittenBinding extends Marks {
  readonly stanza: Omit<Binding, "duravip">;
  /** The text gives an address that is none; that was reported, and rules about the address say nothing more. */
  readonly addressUnknown: boolean;
}

export interface BindingsPart {
  readonly bindings: readonly WrittenBinding[];
  readonly groups: readonly BindingGroup[];
}

const DEFAULT = "default";

export function readBindings(root: Scope, diagnostics: Diagnostics): BindingsPart {
  const bindings = new Map<string, WrittenBinding>();
  const members = new Map<string, string[]>([[DEFAULT, []]]);
  const suspended = new Set<string>();
  for (const scope of root.scopes) {
    if (scope.rule === BINDING_RULE) addBinding(scope, null, root);
    if (scope.rule !== BINDING_GROUP_RULE) continue;
    checkName(scope, diagnostics);
    if (!members.has(scope.name)) members.set(scope.name, []);
    if (valueOf(BINDING_GROUP.suspended, scope)) suspended.add(scope.name);
    for (const child of childrenOf(scope, BINDING_RULE)) addBinding(child, scope, root);
  }
  if (!bindings.has(DEFAULT)) addDefault();
  return {
    bindings: [...bindings.values()],
    groups: [...members].map(([name, names]) => ({ name, bindings: names, suspended: suspended.has(name) })),
  };

  function addBinding(scope: Scope, group: Scope | null, root: Scope): void {
    checkName(scope, diagnostics);
    const first = bindings.get(scope.name);
    if (first !== undefined) {
      const remedy = "the name of a binding is the same in all groups: rename one, or write both as one stanza";
      const message = `there is a binding "${scope.name}" already${placeOf(first.stanza.at)}`;
      diagnostics.error("duplicate-binding", scope.at, message, remedy);
      return;
    }
    bindings.set(scope.name, readBinding(scope, group, root));
    members.get(group?.name ?? DEFAULT)?.push(scope.name);
  }

  function addDefault(): void {
    const scope: Scope = { rule: BINDING_RULE, name: DEFAULT, at: root.at, settings: new Map(), scopes: [] };
    bindings.set(DEFAULT, readBinding(scope, null, root));
    members.get(DEFAULT)?.push(DEFAULT);
  }
}

function readBinding(scope: Scope, group: Scope | null, root: Scope): WrittenBinding {
  const scopes = group === null ? [scope, root] : [scope, group, root];
  const address = setting(BINDING.bindAddress, ...scopes);
  return {
    stanza: {
      name: scope.name,
      group: group?.name ?? DEFAULT,
      address: address?.value ?? null,
      ehloHostname: valueOf(BINDING.ehloHostname, ...scopes),
      suspended: valueOf(BINDING.suspended, scope),
      // Globally it is MailOptions.maxOutboundConnections.
      maxConnectionsPerDomain: setting(BINDING.maxOutboundConnections, ...scopes.slice(0, -1))?.value ?? null,
      at: scope.at,
    },
    addressUnknown: address !== undefined && address.value === undefined,
    enable: setting(BINDING.enable, scope),
    preference: setting(BINDING.preference, scope),
  };
}

/** Names go into queue listings, `/`-joined and `group/name`, and into move messages; `#` is for bindings of our own. */
function checkName(scope: Scope, diagnostics: Diagnostics): void {
  const { name, rule, at } = scope;
  const wrong = name.startsWith("#")
    ? "begins with '#', which is reserved"
    : /^\/.*\/$/.test(name)
      ? "is a regular expression, which bindings and groups cannot be named by"
      : /[\s:\p{Cc}]/u.test(name)
        ? "has a space or a colon in it"
        : name.length > 255
          ? "is longer than 255 characters"
          : null;
  if (wrong !== null) diagnostics.error("binding-name", at, `the name of ${rule.name} "${name.slice(0, 80)}" ${wrong}`);
}
