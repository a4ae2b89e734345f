/** Which way the kernel would send: a look-up in its routes, by the rules that hold for the source. Nothing is sent. */
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { codeOf } from "../../mail/errno.js";

/** What ip_route_connect() and ip6_dst_lookup() say where no route, or one that forbids it, is found. */
const NO_WAY = new Set(["ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL"]);
/** Any: a datagram socket that is connected has sent nothing (connect(2)). */
const PORT = 9;

/**
 * @param from an address of this host, which policy routing may go by; default: the kernel's choice.
 * @returns the source that it would send from, null where it has no way, and undefined where that could not be found out.
 */
export function sourceTowards(destination: string, from?: string): Promise<string | null | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(destination) ? "udp6" : "udp4");
    const end = (source: string | null | undefined) => {
      socket.removeAllListeners();
      socket.close();
      resolve(source);
    };
    socket.on("error", (error) => end(NO_WAY.has(codeOf(error) ?? "") ? null : undefined));
    socket.on("connect", () => end(socket.address().address));
    // Without a callback, which would get the error instead.
    const connect = () => socket.connect(PORT, destination);
    if (from === undefined) connect();
    else socket.bind({ address: from, exclusive: true }, connect);
  });
}
