/**
 * Where mail for a domain goes next. The choice and the order are pure; the look-ups come in as a `MailDns`.
 *
 * Source: RFC 5321 section 5.1, RFC 7505 (null MX), RFC 5321 section 4.1.3 (address literals).
 */
import { isIP, isIPv6 } from "node:net";
import type { DomainRoute, Endpoint } from "../config/types.js";
import { codeOf } from "./errno.js";

export interface MailDns {
  /** Reject as node:dns does: `code` ENOTFOUND for a name that does not exist, ENODATA for one without such records. */
  resolveMx(domain: string): Promise<readonly { readonly exchange: string; readonly priority: number }[]>;
  resolve4(host: string): Promise<readonly string[]>;
  resolve6(host: string): Promise<readonly string[]>;
}

/** An address to connect to; `host` is the name that led to it. */
export interface Hop {
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

/** There is nowhere to go: now, or at all. */
export class NoHop extends Error {
  override readonly name = "NoHop";
  constructor(
    readonly permanent: boolean,
    /** RFC 3463 code. */
    readonly status: string,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

const SMTP_PORT = 25;
/** Hosts of one domain, and addresses of one message, that are tried. */
const MAX_HOSTS = 10;
const MAX_HOPS = 20;

export type Route = { readonly kind: "hosts"; readonly hosts: readonly Endpoint[] } | { readonly kind: "mx" };

/** `Routes` of the domain, else `Gateway`, else MX. */
export function routeOf(domain: DomainRoute | undefined, gateway: readonly Endpoint[] | null): Route {
  if (domain !== undefined && domain.routes.length > 0) return { kind: "hosts", hosts: domain.routes };
  if (gateway !== null && gateway.length > 0) return { kind: "hosts", hosts: gateway };
  return { kind: "mx" };
}

/** Hosts in the order to try: by preference, equal ones at random. Throws NoHop for a null MX. */
export function orderMx(
  domain: string,
  records: readonly { readonly exchange: string; readonly priority: number }[],
  random: () => number,
): readonly string[] {
  if (records.length === 1 && (records[0]?.exchange === "" || records[0]?.exchange === ".")) {
    throw new NoHop(true, "5.1.10", `${domain} takes no mail (null MX)`);
  }
  return [...shuffled(records, random)]
    .sort((a, b) => a.priority - b.priority)
    .map((record) => record.exchange)
    .filter((exchange) => exchange !== "" && exchange !== ".")
    .slice(0, MAX_HOSTS);
}

/**
 * Addresses to try, best first: configured hosts as they were written, as somebody chose that order; exchangers by
 * preference, and equal ones at random, so that senders share them (RFC 5321 section 5.1).
 *
 * @param family of the binding's address; 0 where the kernel chooses the source.
 * @throws NoHop
 */
export async function findHops(
  domain: string,
  route: Route,
  family: 0 | 4 | 6,
  dns: MailDns,
  random: () => number,
): Promise<readonly Hop[]> {
  const hosts = route.kind === "hosts" ? route.hosts.slice(0, MAX_HOSTS) : await mxHosts(domain, dns, random);
  const hops: Hop[] = [];
  let trouble: unknown;
  for (const { host, port } of hosts) {
    try {
      for (const address of await addressesOf(host, family, dns)) hops.push({ host, address, port });
    } catch (error) {
      trouble = error;
    }
    if (hops.length >= MAX_HOPS) break;
  }
  if (hops.length > 0) return hops.slice(0, MAX_HOPS);
  if (codeOf(trouble) === "ENOTFOUND" && route.kind === "mx" && hosts.length === 1 && hosts[0]?.host === domain) {
    throw new NoHop(true, "5.1.2", `${domain} does not exist`, { cause: trouble });
  }
  throw new NoHop(false, "4.4.3", `no address for ${domain}`, { cause: trouble });
}

async function mxHosts(domain: string, dns: MailDns, random: () => number): Promise<readonly Endpoint[]> {
  if (domain === "") throw new NoHop(true, "5.1.3", "an address without a domain has no mail exchanger");
  const literal = /^\[(?:IPv6:)?([^\]]+)\]$/i.exec(domain)?.[1];
  if (literal !== undefined) return [{ host: literal, port: SMTP_PORT }];
  try {
    const names = orderMx(domain, await dns.resolveMx(domain), random);
    if (names.length > 0) return names.map((host) => ({ host, port: SMTP_PORT }));
  } catch (error) {
    // No MX: the domain itself is the host. c-ares says ENOTFOUND for names that have no records of any kind.
    if (codeOf(error) !== "ENODATA" && codeOf(error) !== "ENOTFOUND") {
      if (error instanceof NoHop) throw error;
      throw new NoHop(false, "4.4.3", `cannot look up the mail exchangers of ${domain}`, { cause: error });
    }
  }
  return [{ host: domain, port: SMTP_PORT }];
}

async function addressesOf(host: string, family: 0 | 4 | 6, dns: MailDns): Promise<readonly string[]> {
  if (isIP(host) !== 0) return family === 0 || isIP(host) === family ? [host] : [];
  if (family === 4) return dns.resolve4(host);
  if (family === 6) return dns.resolve6(host);
  const [v6, v4] = await Promise.allSettled([dns.resolve6(host), dns.resolve4(host)]);
  const all = [...(v4.status === "fulfilled" ? v4.value : []), ...(v6.status === "fulfilled" ? v6.value : [])];
  if (all.length === 0 && v4.status === "rejected") throw v4.reason;
  return all;
}

/** @param source address of a binding, or null. */
export function familyOf(source: string | null): 0 | 4 | 6 {
  if (source === null) return 0;
  return isIPv6(source) ? 6 : 4;
}

function shuffled<T>(list: readonly T[], random: () => number): readonly T[] {
  return list
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
