/**
 * What MAIL and RCPT say, byte for byte. smtp-server checks the syntax and hands on a normal form (domains in Unicode,
 * parameters decoded); what is queued and moved is what the client wrote. Pure.
 */

export interface PathCommand {
  /** Between the brackets, without a source route (RFC 5321 appendix C says to drop it). */
  readonly path: string;
  /** Keys in upper case, values as written; "" where there is none. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** @param line a MAIL or RCPT command that smtp-server has accepted. */
export function readPathCommand(line: string): PathCommand {
  const found = /<([^<>]*)>\s*(.*)$/s.exec(line);
  const path = (found?.[1] ?? "").replace(/^@[^\s,:@]+(?:,@[^\s,:@]+)*:/, "");
  const parameters = new Map<string, string>();
  for (const word of (found?.[2] ?? "").split(/\s+/)) {
    if (word === "") continue;
    const equals = word.indexOf("=");
    const key = equals < 0 ? word : word.slice(0, equals);
    parameters.set(key.toUpperCase(), equals < 0 ? "" : word.slice(equals + 1));
  }
  return { path, parameters };
}

/** RFC 3461 section 4: `+` and two upper-case hexadecimal digits stand for one byte. */
export function decodeXtext(text: string): string {
  return text.replace(/(?:\+[0-9A-F]{2})+/g, (run) => Buffer.from(run.replaceAll("+", ""), "hex").toString("utf8"));
}
