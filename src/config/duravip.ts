/**
 * The DuraVIP rules: which addresses the cluster manages, which follow which, and what may not be. Works on the whole
 * configuration, so that the order of stanzas never matters.
 *
 * Source: the DuraVIP chapter of the Momentum 3 reference, and the configuration errors of Ecelerity 2.2 that it refers to.
 */
import { formatEndpoint, isUsable } from "./address.js";
import type { Marks, WrittenBinding } from "./bindings.js";
import type { HostAddress, Topologies } from "./cluster.js";
import type { Diagnostics } from "./diagnostics.js";
import { checkPreferences } from "./preferences.js";
import { FollowResolver } from "./follow.js";
import type { WrittenListen } from "./listeners.js";
import type { Binding, Duravip, Listen, Peer, SourceLocation } from "./types.js";

export interface DuravipFacts {
  readonly topologies: Topologies;
  readonly peers: readonly Peer[];
  readonly hostAddresses: readonly HostAddress[];
}

export interface DuravipPart {
  readonly bindings: readonly Binding[];
  readonly listens: readonly Listen[];
}

/** A binding or a Listen, as far as the rules see it. */
export interface Service extends Marks {
  /** `binding "vip-1"`, `Listen "10.1.1.1:25"` */
  readonly title: string;
  /** null: none, or one that was not understood. */
  readonly address: string | null;
  readonly follows: boolean;
  readonly at: SourceLocation;
}

export function manageAddresses(
  written: { readonly bindings: readonly WrittenBinding[]; readonly listens: readonly WrittenListen[] },
  facts: DuravipFacts,
  diagnostics: Diagnostics,
): DuravipPart {
  const bindings = written.bindings.map((binding) => ({ ...binding, service: serviceOfBinding(binding) }));
  const listens = written.listens.map((listen) => ({ ...listen, service: serviceOfListen(listen) }));
  const services = [...bindings, ...listens].map(({ service }) => service);
  const managed = firstByAddress(services, ({ enable }) => enable?.value === true);
  const following = firstByAddress(services, ({ follows }) => follows);

  for (const binding of written.bindings) checkAddressGiven(binding, diagnostics);
  checkAddresses(services, facts, diagnostics);
  checkFollowers(services, diagnostics);
  checkPreferences(services, managed, facts.peers, diagnostics);
  const resolver = new FollowResolver(written.bindings, managed, following, diagnostics);
  const follows = followsByAddress(written.listens, resolver, diagnostics);

  /** Rule 8: what is DuraVIP for one service is so for all. */
  const duravip = (service: Service): Duravip => {
    const { title, address, at, follows, preference } = service;
    const enabled = service.enable?.value === true && address !== null;
    const by = address === null ? undefined : (managed.get(address) ?? following.get(address));
    const upgraded = by !== undefined && !enabled && !follows;
    if (upgraded) {
      const message = `upgrading ${title} to DuraVIP: ${by.title} has the same address`;
      diagnostics.warn("implicit-upgrade", at, message, "write Enable_Duravip = true if that is meant");
    }
    return { enabled: enabled || upgraded, upgraded, preferences: follows ? [] : (preference?.value ?? []) };
  };
  const part = {
    bindings: bindings.map(({ stanza, service }) => ({ ...stanza, duravip: duravip(service) })),
    listens: listens.map(({ stanza, service }) => {
      return { ...stanza, duravip: duravip(service), follow: follows.get(stanza.endpoint.host) ?? null };
    }),
  };
  checkWildcards(part.listens, diagnostics);
  return part;
}

/** While a socket listens on a port of every address, the kernel opens it on no single one (EADDRINUSE, ip(7)). */
function checkWildcards(listens: readonly Listen[], diagnostics: Diagnostics): void {
  const wildcards = listens.filter(({ endpoint, enabled }) => enabled && isWildcard(endpoint.host));
  const everywhere = new Map(wildcards.map((listen) => [listen.endpoint.port, listen]));
  for (const { endpoint, duravip, follow, enabled } of listens) {
    const listen = everywhere.get(endpoint.port);
    const comesAndGoes = enabled && !isWildcard(endpoint.host) && (duravip.enabled || follow !== null);
    if (listen === undefined || !comesAndGoes) continue;
    everywhere.delete(endpoint.port);
    const message =
      `Listen "${formatEndpoint(listen.endpoint)}" takes port ${endpoint.port} on every address, ` +
      `so the DuraVIP listener on ${endpoint.host} could never open`;
    diagnostics.error("wildcard-beside-duravip", listen.at, message, "name the host's own addresses instead");
  }
}

function isWildcard(host: string): boolean {
  return host === "*" || host === "::";
}

/** What each address follows. Two listeners on one address cannot pull it two ways. */
function followsByAddress(
  listens: readonly WrittenListen[],
  resolver: FollowResolver,
  diagnostics: Diagnostics,
): ReadonlyMap<string, NonNullable<Listen["follow"]>> {
  const follows = new Map<string, NonNullable<Listen["follow"]>>();
  for (const listen of listens) {
    const { endpoint, at } = listen.stanza;
    const follow = resolver.resolve(listen);
    const known = follows.get(endpoint.host);
    if (follow !== null && known === undefined) follows.set(endpoint.host, follow);
    else if (follow !== null && known?.address !== follow.address) {
      const message = `${endpoint.host} cannot follow both ${known?.address} and ${follow.address}`;
      diagnostics.error("follow-conflict", listen.target?.at ?? at, message);
    }
  }
  return follows;
}

function serviceOfBinding({ stanza, enable, preference }: WrittenBinding): Service {
  const { name, address, at } = stanza;
  return { title: `binding "${name}"`, address, follows: false, enable, preference, at };
}

function serviceOfListen({ stanza, enable, preference, target }: WrittenListen): Service {
  const { endpoint, at } = stanza;
  const title = `Listen "${formatEndpoint(endpoint)}"`;
  return { title, address: endpoint.host, follows: target !== undefined, enable, preference, at };
}

function firstByAddress(services: readonly Service[], wanted: (service: Service) => boolean): Map<string, Service> {
  const found = new Map<string, Service>();
  for (const service of services) {
    if (service.address !== null && wanted(service) && !found.has(service.address)) found.set(service.address, service);
  }
  return found;
}

/** A binding without an address is legal: the kernel chooses, and there is nothing to manage. */
function checkAddressGiven({ stanza, addressUnknown, enable }: WrittenBinding, diagnostics: Diagnostics): void {
  const { name, address } = stanza;
  if (address !== null || addressUnknown || enable?.value !== true) return;
  const message = `binding "${name}" has no Bind_Address, so there is no address to manage`;
  diagnostics.error("duravip-without-address", enable.at, message, "give it a Bind_Address");
}

/** Every address that the cluster would manage or let follow must be one that it can plumb, and may. */
function checkAddresses(services: readonly Service[], facts: DuravipFacts, diagnostics: Diagnostics): void {
  const hosts = new Map(facts.hostAddresses.map(({ address, is }) => [address, is]));
  const done = new Set<string>();
  for (const { title, address, enable, follows, at } of services) {
    if (address === null || (enable?.value !== true && !follows) || done.has(address)) continue;
    done.add(address);
    const host = hosts.get(address);
    if (isWildcard(address)) {
      const message = `${title} is on every address, and cannot be DuraVIP`;
      diagnostics.error("duravip-wildcard", at, message, "name one address");
    } else if (!isUsable(address)) {
      diagnostics.error("duravip-unusable", at, `${address} is no address that a host can have`);
    } else if (host !== undefined) {
      const message = `${title} cannot be DuraVIP: ${address} is ${host}`;
      const remedy = "the cluster takes VIPs away from hosts: use another address than the host's own";
      diagnostics.error("duravip-host-address", at, message, remedy);
    } else if (facts.topologies.of(address) === undefined) {
      const message = `${address} is in no Topology, so it is not known where to plumb it`;
      const remedy = 'add a Topology "block" { interface = "..." } that holds it to the cluster scope';
      diagnostics.error("outside-topology", at, message, remedy);
    }
  }
}

/** A follower is not managed by itself, and needs no preference. */
function checkFollowers(services: readonly Service[], diagnostics: Diagnostics): void {
  for (const { title, enable, preference, follows } of services) {
    if (!follows) continue;
    if (enable?.value === true) {
      const message = `${title} cannot have both Enable_Duravip and Duravip_Follow`;
      diagnostics.error("follow-and-enable", enable.at, message, "leave one of them out");
    }
    if (preference !== undefined) {
      const message = `Duravip_Preference of ${title} counts for nothing: it goes where the binding goes that it follows`;
      diagnostics.warn("follow-with-preference", preference.at, message, "leave it out");
    }
  }
}
