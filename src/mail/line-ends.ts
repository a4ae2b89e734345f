/**
 * Holds the content of a message to CRLF line ends (RFC 5321 section 2.3.8) and to a size. A lone CR or LF is how a
 * message smuggles an end of data past one server and into the next; such a message is refused whole.
 */
import { Refusal } from "./refusal.js";

const CR = 0x0d;
const LF = 0x0a;

/** Passes the chunks on. Throws a Refusal at the first lone CR or LF, and once there are more than `maxBytes`. */
export async function* guarded(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let afterCr = false;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Refusal(552, "5.3.4", "message is larger than this server takes", "size");
    if (hasStrayLineEnd(chunk, afterCr)) throw strayRefusal();
    afterCr = chunk.length > 0 ? chunk[chunk.length - 1] === CR : afterCr;
    yield chunk;
  }
  if (afterCr) throw strayRefusal();
}

/**
 * True when a CR is not followed by LF, or an LF not led by CR. A CR at the end is left to the next chunk.
 *
 * A look at each byte costs the same for any content; a search for the next CR or LF costs a call for each of them.
 */
function hasStrayLineEnd(chunk: Uint8Array, afterCr: boolean): boolean {
  let led = afterCr;
  for (let at = 0; at < chunk.length; at++) {
    const byte = chunk[at];
    if ((byte === LF) !== led) return true;
    led = byte === CR;
  }
  return false;
}

function strayRefusal(): Refusal {
  return new Refusal(550, "5.5.2", "bare <CR> or <LF> received", "line-end");
}
