/** PURE: the content of a message and its form between DATA and the final dot (RFC 5321 section 4.5.2). */

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const CRLF = Buffer.from("\r\n");

/** Content as a server has it after the final dot: with a line end behind its last line, if it has a line at all. */
export function completed(content: Buffer): Buffer {
  if (content.length === 0 || content.subarray(-2).equals(CRLF)) return content;
  return Buffer.concat([content, CRLF]);
}

/** With a second dot where a line begins with one. */
export function stuffed(content: Buffer): Buffer {
  const result = Buffer.allocUnsafe(content.length * 2);
  let length = 0;
  for (let at = 0; at < content.length; at++) {
    if (content[at] === DOT && beginsLine(content, at)) result[length++] = DOT;
    result[length++] = content[at] ?? 0;
  }
  return result.subarray(0, length);
}

/** What `stuffed` was given. */
export function unstuffed(text: Buffer): Buffer {
  const result = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== DOT || !beginsLine(text, at)) result[length++] = text[at] ?? 0;
  }
  return result.subarray(0, length);
}

function beginsLine(text: Buffer, at: number): boolean {
  return at === 0 || (text[at - 1] === LF && text[at - 2] === CR);
}

const TRACE = /^Received: from [^\r\n]*\r\n\t[^\r\n]*\bid ([^\s;]+);\r\n\t[^\r\n]*\r\n/;
const TRACE_MAX = 2_048;

/** Takes the trace field off that the first node put on top. null where there is none. */
export function withoutTrace(content: Buffer): { readonly id: string; readonly content: Buffer } | null {
  const match = TRACE.exec(content.toString("latin1", 0, TRACE_MAX));
  if (match === null) return null;
  return { id: match[1] ?? "", content: content.subarray(match[0].length) };
}
