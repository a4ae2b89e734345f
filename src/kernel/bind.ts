/** Sockets bound ahead of their address (native/io/bind.h): packed endpoints, and what failures mean. */
import { constants } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { getSystemErrorMap } from "node:util";
import { MAPPED_BYTES, writeMapped } from "./address.js";
import type { BindEndpoint } from "./types.js";

const RECORD_BYTES = MAPPED_BYTES + 2;
/** So many records are worked on before other events get their turn: about 3 ms. */
const SLICE = 8192;

/** @throws TypeError naming the first that is no endpoint. */
export async function packEndpoints(endpoints: readonly BindEndpoint[]): Promise<Buffer> {
  const bytes = Buffer.alloc(endpoints.length * RECORD_BYTES);
  for (const [i, { address, port }] of endpoints.entries()) {
    if (i > 0 && i % SLICE === 0) await nextTurn();
    const at = i * RECORD_BYTES;
    if (writeMapped(address, bytes, at) === 0 || !Number.isInteger(port) || port < 0 || port > 65_535) {
      throw new TypeError(`expected an address and a port from 0 to 65535, not ${JSON.stringify({ address, port })}`);
    }
    bytes.writeUInt16LE(port, at + MAPPED_BYTES);
  }
  return bytes;
}

const { EACCES, EADDRINUSE, EMFILE, ENFILE } = constants.errno;

const REMEDIES = new Map<number, string>([
  [EACCES, "a port below 1024 needs CAP_NET_BIND_SERVICE"],
  [EADDRINUSE, "another program listens on this port of the address, or of every address"],
  [EMFILE, "raise LimitNOFILE= in the systemd unit (ulimit -n): one for each address and port, and those in use"],
  [ENFILE, "raise fs.file-max"],
]);

/** Words and remedy for each -errno among the results. */
export function bindTexts(results: Int32Array): Map<number, string> {
  const texts = new Map<number, string>();
  for (const result of results) {
    if (result >= 0 || texts.has(result)) continue;
    const [errno, words] = getSystemErrorMap().get(result) ?? [`errno ${-result}`, "unknown error"];
    const remedy = REMEDIES.get(-result);
    texts.set(result, `${errno}: ${words}${remedy === undefined ? "" : `; ${remedy}`}`);
  }
  return texts;
}
