/** What the tests of the spool are made of: directories that go away, messages, and bodies. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openSpool } from "../../../src/mail/spool/spool.js";
import type { NewMessage, Spool, SpoolOptions } from "../../../src/mail/spool/types.js";

export const NOON = 1_700_000_000_000;

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "hf-spool-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A spool that is closed and removed with its test. `inlineMax` is small, so that bodies of both kinds are cheap. */
export function spoolIn(directory: string, options: Partial<SpoolOptions> = {}): Spool {
  const spool = openSpool({
    directory,
    incarnation: 1,
    nodename: "mail1",
    inlineMax: 1024,
    now: () => NOON,
    ...options,
  });
  onTestFinished(() => spool.close());
  return spool;
}

export function messageTo(spool: Spool, addresses: readonly string[], change: Partial<NewMessage> = {}): NewMessage {
  return {
    id: spool.newId(),
    binding: "out-1",
    envelope: {
      from: "Sender@Example.org",
      body: "8BITMIME",
      smtpUtf8: true,
      ret: "HDRS",
      envid: "QQ314159",
      recipients: addresses.map((address) => ({ address, notify: "FAILURE", orcpt: null })),
    },
    context: {
      receivedAtMs: NOON,
      expiresAtMs: NOON + 432_000_000,
      listener: "192.0.2.1:25",
      client: null,
      hops: 0,
      "X-Tenant": "blue",
    },
    ...change,
  };
}

export async function* bodyOf(text: string, chunkBytes = 100): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks).toString();
}

/** Stores a message and gives it back as it went in. */
export async function stored(
  spool: Spool,
  addresses: readonly string[] = ["a@b.example"],
  change: Partial<NewMessage> = {},
  text = "Subject: hello\r\n\r\nhello\r\n",
): Promise<NewMessage> {
  const message = messageTo(spool, addresses, change);
  await spool.accept(message, bodyOf(text));
  return message;
}
