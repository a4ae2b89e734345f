/** `holdfast kernel links` and `list`: what the kernel has, one line each. */
import type { FoundAddress, Link } from "../../kernel/index.js";

export function formatLink(link: Link, links: readonly Link[]): string {
  const above = links.find(({ index }) => index === link.master);
  const words = [
    `${link.index}`,
    link.name,
    link.mac ?? "-",
    `mtu ${link.mtu}`,
    link.up ? "up" : "down",
    link.carrier ? "carrier" : "no-carrier",
    ...(link.kind === null ? [] : [`kind ${link.kind}`]),
    ...(above === undefined ? [] : [`master ${above.name}`]),
    ...link.altnames.map((name) => `altname ${name}`),
  ];
  return `${words.join(" ")}\n`;
}

/** An address as the lists show it: with the name of its interface and whether it carries the tag of holdfast. */
export interface ListedAddress extends FoundAddress {
  readonly link: string;
  readonly owned: boolean;
}

/** @param protocol the tag that counts as ours. */
export function listed(found: Iterable<FoundAddress>, links: readonly Link[], protocol: number): ListedAddress[] {
  const names = new Map(links.map(({ index, name }) => [index, name]));
  return Array.from(found, (one) => ({
    ...one,
    link: names.get(one.ifindex) ?? `${one.ifindex}`,
    owned: one.protocol === protocol,
  }));
}

export function formatListed({ address, prefix, link, plumbing, owned, protocol }: ListedAddress): string {
  const whose = owned ? "holdfast" : protocol === 0 ? "-" : `protocol ${protocol}`;
  return `${address}/${prefix} ${link} ${plumbing} ${whose}\n`;
}
