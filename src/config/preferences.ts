/** What may be odd about `Duravip_Preference`. Nothing of it is an error: the election copes. */
import type { Diagnostics } from "./diagnostics.js";
import type { Service } from "./duravip.js";
import type { Peer } from "./types.js";

export function checkPreferences(
  services: readonly Service[],
  managed: ReadonlyMap<string, Service>,
  peers: readonly Peer[],
  diagnostics: Diagnostics,
): void {
  const names = peers.map(({ name }) => name);
  const known = new Set(names);
  const everyone = `the peers are ${names.join(", ")}`;
  const preferred = new Map<string, { node: string; by: Service }>();
  for (const service of services) {
    const { title, address, preference, follows } = service;
    if (preference?.value === undefined || preference.value.length === 0 || follows) continue;
    const { value: nodes, at } = preference;
    for (const node of peers.length > 0 ? nodes.filter((name) => !known.has(name)) : []) {
      const message = `${title} prefers ${node}, which is no peer`;
      diagnostics.warn("unknown-preference", at, message, diagnostics.suggestion(node, names) ?? everyone);
    }
    const node = nodes.join(", then ");
    if (address === null || !managed.has(address)) {
      const message = `Duravip_Preference of ${title} counts for nothing: its address is not managed`;
      diagnostics.warn("preference-unused", at, message, "write Enable_Duravip = true too");
      continue;
    }
    const first = preferred.get(address);
    if (first === undefined) preferred.set(address, { node, by: service });
    else if (first.node !== node) {
      const message = `${title} prefers ${node} for ${address}, and ${first.by.title} prefers ${first.node}`;
      diagnostics.warn("preference-conflict", at, message, `${first.node} counts; name the same in both`);
    }
  }
}
