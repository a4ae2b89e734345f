/** The oldest TLS that is spoken, in both directions. OpenSSL is told to allow everything, so that only our own pin says no. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import library from "smtp-server/lib/tls-options.js";
import { afterAll, beforeAll, describe, expect } from "vitest";
import {
  addresses,
  binding,
  cleanup,
  config,
  Dialog,
  directory,
  engine,
  freePort,
  listen,
  route,
  scene,
  sink,
} from "./fixtures.js";
import { text, until } from "./fixtures.js";

const [host = "", remote = ""] = addresses(34, 2);
const { DEFAULT_CIPHERS, DEFAULT_MIN_VERSION } = tls;

beforeAll(() => {
  tls.DEFAULT_CIPHERS = "DEFAULT@SECLEVEL=0";
  tls.DEFAULT_MIN_VERSION = "TLSv1";
});
afterAll(() => {
  tls.DEFAULT_CIPHERS = DEFAULT_CIPHERS;
  tls.DEFAULT_MIN_VERSION = DEFAULT_MIN_VERSION;
});

/** @returns the version that was agreed, or the error. */
async function startTls(port: number, version: tls.SecureVersion): Promise<string | null> {
  const socket = connect(port, host);
  cleanup(() => socket.destroy());
  await once(socket, "data");
  for (const command of ["EHLO c.test", "STARTTLS"]) {
    socket.write(`${command}\r\n`);
    await once(socket, "data");
  }
  socket.pause();
  return new Promise((resolve) => {
    const secured = tls.connect({ socket, rejectUnauthorized: false, minVersion: version, maxVersion: version });
    secured.on("secureConnect", () => resolve(secured.getProtocol()));
    secured.on("error", (error) => resolve(`refused: ${error.message}`));
    secured.on("close", () => resolve("refused: closed"));
  });
}

describe("TLS of SMTP", () => {
  scene("is 1.2 or later for clients", async () => {
    const files = directory();
    const [certificateFile, keyFile] = [join(files, "cert.pem"), join(files, "key.pem")];
    const { cert = "", key = "" } = library();
    if (typeof cert !== "string" || typeof key !== "string") throw new Error("the library has no certificate");
    writeFileSync(certificateFile, cert);
    writeFileSync(keyFile, key);
    const port = await freePort(host);
    await engine({ config: config({ listens: [listen(host, port, { tls: { certificateFile, keyFile } })] }) });
    expect(await startTls(port, "TLSv1.1")).toMatch(/^refused/);
    expect(await startTls(port, "TLSv1")).toMatch(/^refused/);
    expect(await startTls(port, "TLSv1.2")).toBe("TLSv1.2");
    expect(await startTls(port, "TLSv1.3")).toBe("TLSv1.3");
  });

  for (const [version, isSpoken] of [
    ["TLSv1.1", false],
    ["TLSv1.2", true],
  ] as const) {
    scene(`is ${isSpoken ? "" : "not "}spoken with a server whose newest is ${version}`, async () => {
      const port = await freePort(host);
      const target = await sink(remote, { disabledCommands: ["AUTH"], minVersion: "TLSv1", maxVersion: version });
      const versions: (string | null)[] = [];
      target.server.onSecure = (socket, _session, done) => {
        versions.push(socket instanceof tls.TLSSocket ? socket.getProtocol() : null);
        done();
      };
      const bindings = [binding("out", { address: host })];
      await engine({
        config: config({ bindings, listens: [listen(host, port)], domains: [route("x.test", target)] }),
      });
      const client = await Dialog.greeted(port, host);
      await client.message("a@from.test", ["u@x.test"], text("x"));
      await until("it is delivered", () => target.taken[0] ?? null);
      expect(versions).toEqual(isSpoken ? [version] : []);
    });
  }
});
