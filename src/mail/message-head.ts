/** What the header section of a message says to a relay, and what the relay adds to it. Pure. */

/** Bytes of a header section that are looked at. */
export const HEAD_MAX = 64 * 1024;

export interface Head {
  /** Trace fields: RFC 5321 section 6.3 counts them to find loops. */
  readonly received: number;
  /** First occurrence of the wanted field, unfolded and trimmed, or null. */
  readonly value: string | null;
}

/** @param head bytes up to the empty line. @param wanted name of a header field, any case, or null. */
export function readHead(head: Buffer, wanted: string | null): Head {
  const text = head.toString("utf8");
  // RFC 5322 section 2.2.3: a line that begins with white space belongs to the field before it, so none is a name.
  const received = text.match(/(?:^|\r\n)received[ \t]*:/gi)?.length ?? 0;
  return { received, value: wanted === null ? null : fieldOf(text, wanted) };
}

function fieldOf(text: string, name: string): string | null {
  const escaped = name.replace(/[^\w-]/g, "\\$&");
  const begins = new RegExp(`(?:^|\\r\\n)${escaped}:`, "i").exec(text);
  if (begins === null) return null;
  const field = text.slice(begins.index + begins[0].length);
  const end = field.search(/\r\n(?![ \t])/);
  return (end < 0 ? field : field.slice(0, end)).replace(/\r\n/g, "").trim();
}

export interface Trace {
  readonly helo: string;
  readonly client: string;
  readonly by: string;
  /** "ESMTP", "ESMTPS": RFC 3848. */
  readonly protocol: string;
  readonly id: string;
  readonly atMs: number;
}

/** The trace field that a relay puts on top (RFC 5321 section 4.4). */
export function traceField(trace: Trace): Buffer {
  const literal = trace.client.includes(":") ? `[IPv6:${trace.client}]` : `[${trace.client}]`;
  const helo = /^[\w.:[\]-]{1,255}$/.test(trace.helo) ? trace.helo : "unknown";
  const field =
    `Received: from ${helo} (${literal})\r\n` +
    `\tby ${trace.by} with ${trace.protocol} id ${trace.id};\r\n` +
    `\t${mailDate(trace.atMs)}\r\n`;
  return Buffer.from(field, "latin1");
}

/** RFC 5322 section 3.3, in UTC. */
export function mailDate(atMs: number): string {
  return new Date(atMs).toUTCString().replace("GMT", "+0000");
}
