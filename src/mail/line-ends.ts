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
    const found = strayLineEnd(chunk, afterCr);
    if (found) throw strayRefusal();
    afterCr = chunk.length > 0 ? chunk[chunk.length - 1] === CR : afterCr;
    yield chunk;
  }
  if (afterCr) throw strayRefusal();
}

/** True when a CR is not followed by LF, or an LF not led by CR. A CR at the end is left to the next chunk. */
function strayLineEnd(chunk: Uint8Array, afterCr: boolean): boolean {
  if (afterCr && chunk.length > 0 && chunk[0] !== LF) return true;
  let pairs = 0;
  for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) {
    if (at === 0 ? !afterCr : chunk[at - 1] !== CR) return true;
    if (at > 0) pairs++;
  }
  let returns = 0;
  for (let at = chunk.indexOf(CR); at >= 0; at = chunk.indexOf(CR, at + 1)) returns++;
  if (chunk[chunk.length - 1] === CR) returns--;
  return returns !== pairs;
}

function strayRefusal(): Refusal {
  return new Refusal(550, "5.5.2", "bare <CR> or <LF> received", "line-end");
}
