/**
 * The DuraVIP rules: which addresses the cluster manages, which follow which, and what may not be. Works on the whole
 * configuration, so that the order of stanzas never matters.
 *
 * Source: the DuraVIP chapter of the Momentum 3 reference, and the configuration errors of Ecelerity 2.2 that it refers to.
 */
import { formatEndpoint, isIpv6, parseIpv4 } from "./address.js";
import type { Marks, WrittenBinding } from "./bindings.js";
import type { HostAddress, Topologies } from "./cluster.js";
import type { Diagnostics } from "./diagnostics.js";
import { checkPreferences } from "./preferences.js";
import { FollowResolver } from "./follow.js";
import type { WrittenListen } from "./listeners.js";
import type { Binding, Listen, Peer, SourceLocation } from "./types.js";

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
  const bindings = written.bindings.map((binding) => ({ binding, service: serviceOfBinding(binding) }));
  const listens = written.listens.map((listen) => ({ listen, service: serviceOfListen(listen) }));
  const services = [...bindings, ...listens].map(({ service }) => service);

  const managed = firstByAddress(services, ({ enable }) => enable?.value === true);
  const following = firstByAddress(services, ({ follows }) => follows);
  for (const { binding } of bindings) checkAddressGiven(binding, diagnostics);
  checkAddresses(services, facts, diagnostics);
  checkFollowers(services, managed, diagnostics);
  checkPreferences(services, managed, facts.peers, diagnostics);

  const resolver = new FollowResolver(written.bindings, managed, following, diagnostics);
  const follows = new Map<string, NonNullable<Listen["follow"]>>();
  for (const { listen } of listens) {
    const follow = resolver.resolve(listen);
    const known = follows.get(listen.endpoint.host);
    if (follow === null) continue;
    if (known !== undefined && known.address !== follow.address) {
      const message = `${listen.endpoint.host} cannot follow both ${known.address} and ${follow.address}`;
      diagnostics.error("follow-conflict", listen.target?.at ?? listen.at, message);
    }
    follows.set(listen.endpoint.host, known ?? follow);
  }

  /** Rule 8: what is DuraVIP for one service is so for all. */
  const duravip = (service: Service): Binding["duravip"] => {
    const enabled = service.enable?.value === true && service.address !== null;
    const by = service.address === null ? undefined : (managed.get(service.address) ?? following.get(service.address));
    const upgraded = by !== undefined && !enabled && !service.follows;
    if (upgraded) {
      const message = `upgrading ${service.title} to DuraVIP: ${by.title} has the same address`;
      diagnostics.warn("implicit-upgrade", service.at, message, "write Enable_Duravip = true if that is meant");
    }
    const preference = service.follows ? null : (service.preference?.value ?? null);
    return { enabled: enabled || upgraded, upgraded, preference };
  };
  return {
    bindings: bindings.map(({ binding, service }) => bindingOf(binding, duravip(service))),
    listens: listens.map(({ listen, service }) =>
      listenOf(listen, duravip(service), follows.get(listen.endpoint.host) ?? null),
    ),
  };
}

function bindingOf(written: WrittenBinding, duravip: Binding["duravip"]): Binding {
  const { enable: _enable, preference: _preference, addressUnknown: _unknown, ...binding } = written;
  return { ...binding, duravip };
}

function listenOf(written: WrittenListen, duravip: Binding["duravip"], follow: Listen["follow"]): Listen {
  const { enable: _enable, preference: _preference, target: _target, ...listen } = written;
  return { ...listen, duravip, follow };
}

function serviceOfBinding({ name, address, enable, preference, at }: WrittenBinding): Service {
  return { title: `binding "${name}"`, address, follows: false, enable, preference, at };
}

function serviceOfListen({ endpoint, enable, preference, target, at }: WrittenListen): Service {
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
function checkAddressGiven({ name, address, addressUnknown, enable }: WrittenBinding, diagnostics: Diagnostics): void {
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
    if (address === "*" || address === "::") {
      const message = `${title} is on every address, and cannot be DuraVIP`;
      diagnostics.error("duravip-wildcard", at, message, "name one address");
    } else if (isIpv6(address)) {
      diagnostics.error("duravip-not-ipv4", at, `${title} is not IPv4, and cannot be DuraVIP`);
    } else if (isUnusable(address)) {
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

/** 0.0.0.0/8 (RFC 1122 section 3.2.1.3) and everything from multicast up (RFC 1112 section 4). */
function isUnusable(address: string): boolean {
  const first = Math.floor((parseIpv4(address) ?? 0) / 2 ** 24);
  return first === 0 || first >= 224;
}

/** An address is managed by itself or follows, not both, whichever stanza says which. */
function checkFollowers(
  services: readonly Service[],
  managed: ReadonlyMap<string, Service>,
  diagnostics: Diagnostics,
): void {
  for (const { title, address, enable, preference, follows, at } of services) {
    if (!follows) continue;
    const other = address === null ? undefined : managed.get(address);
    if (enable?.value === true) {
      const message = `${title} cannot have both Enable_Duravip and Duravip_Follow`;
      diagnostics.error("follow-and-enable", enable.at, message, "leave one of them out");
    } else if (other !== undefined) {
      const message = `${title} cannot follow: ${other.title} has the same address, and it is managed by itself`;
      diagnostics.error("follow-and-enable", at, message, "give the follower an address of its own");
    }
    if (preference !== undefined) {
      const message = `Duravip_Preference of ${title} counts for nothing: it goes where the binding goes that it follows`;
      diagnostics.warn("follow-with-preference", preference.at, message, "leave it out");
    }
  }
}
