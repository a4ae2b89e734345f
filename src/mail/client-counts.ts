/** Connections by client and by network, so that none of them takes every place. */
import { isIPv6, type Socket } from "node:net";

export interface ClientLimits {
  /** Connections of one address. */
  readonly client: number;
  /** Connections of one network: what `networkOf` says. */
  readonly network: number;
}

export class ClientCounts {
  readonly #counts = new Map<string, number>();

  constructor(private readonly limits: ClientLimits) {}

  /** Takes a place for the client. @returns what gives it back, or null where it has as many as it may. */
  enter(address: string): (() => void) | null {
    const network = networkOf(address);
    const { client: mayClient, network: mayNetwork } = this.limits;
    if (this.#of(address) >= mayClient || this.#of(network) >= mayNetwork) return null;
    this.#add(address, 1);
    this.#add(network, 1);
    return () => {
      this.#add(address, -1);
      this.#add(network, -1);
    };
  }

  #of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  #add(key: string, change: number): void {
    const count = this.#of(key) + change;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}

/** The address at the other end, without the prefix of an IPv4 one on an IPv6 socket; "" once it has gone. */
export function clientOf(socket: Socket): string {
  return (socket.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/i, "");
}

/** The /24 of an IPv4 address, the /64 of an IPv6 one: what one customer has at least. @param address as the kernel writes it. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return `${address.slice(0, address.lastIndexOf("."))}.0/24`;
  const [head = "", tail] = address.split("%", 1)[0]?.split("::") ?? [];
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => "0");
  return `${[...before, ...zeros, ...after].slice(0, 4).join(":")}::/64`;
}
