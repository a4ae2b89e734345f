/** Tries the service of this node as a client would: connects to one of its addresses from this very host, and waits to be greeted. */
import { createConnection } from "node:net";
import { codeOf } from "../../mail/errno.js";
import type { Place } from "../../core/health/greetings.js";

/** Ready, or too busy just now (RFC 5321 section 3.1): somebody is there. */
const GREETING = /^(220|421)[ -]/;
const SHOWN = 60;
/** A timer that is so late belongs to a loop, or a host, that did not run: what it would say is of no worth. */
const LATE_MS = 1_000;

/** @returns null when it was greeted, else what came instead; undefined where this host is too busy to tell. */
export function greet({ address, port }: Place, limitMs: number): Promise<string | null | undefined> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    // From the address itself, by which the mail side knows who this is: src/mail/listener.ts.
    const socket = createConnection({ host: address, port, localAddress: address, noDelay: true });
    let said = "";
    let done = false;
    const end = (outcome: string | null | undefined) => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      if (outcome === null) socket.end("QUIT\r\n");
      else socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => {
      const late = performance.now() - startedAt > limitMs + LATE_MS;
      end(late ? undefined : `no greeting within ${limitMs / 1000} s`);
      socket.destroy();
    }, limitMs);
    socket.setTimeout(limitMs, () => socket.destroy());
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      said = (said + text).slice(0, 512);
      if (said.includes("\n")) end(GREETING.test(said) ? null : `it says "${said.slice(0, SHOWN).trim()}"`);
    });
    socket.on("error", (error) => end(codeOf(error) ?? error.message));
    socket.on("close", () => end("closed without a greeting"));
  });
}
