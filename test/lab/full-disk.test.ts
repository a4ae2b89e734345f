import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { type DeliveredMessage, TOKEN_HEADER } from "../../src/lab/records.js";

const HOST = "one";
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DISK_MIB = 16;

let network: LabNetwork;
let children: ChildProcess[];

beforeEach(async () => {
  network = await LabNetwork.create([
    { name: HOST, interfaces: [{ name: "eth1", network: "mail", addresses: ["10.1.0.1/16"] }] },
  ]);
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await network.remove();
});

/** In the host, with a small file system of its own at `disk`, which goes with the process. */
function startDaemonOn(disk: string, configFile: string): void {
  const script = `mount -t tmpfs -o size=${DISK_MIB}m none "$1" && exec "$2" dist/daemon/main.js --config "$3"`;
  run("setpriv", "--pdeathsig", "KILL", "sh", "-c", script, "sh", disk, process.execPath, configFile);
}

function run(...command: readonly string[]): ChildProcess {
  const child = spawn("ip", ["netns", "exec", network.namespace(HOST), ...command], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  return child;
}

/**
 * Sends messages of 200 kB, one after the other, until one is answered as `until` says, and prints each reply: a JSON
 * line with its token. Waits for the daemon to listen first.
 */
const SENDER = `
  import SMTPConnection from "nodemailer/lib/smtp-connection";
  const [until, header] = process.argv.slice(2);
  const attempt = (work) => new Promise((resolve) => work((error, info) => resolve({ error, info })));
  let smtp;
  for (;;) {
    smtp = new SMTPConnection({ host: "10.1.0.1", port: 25, ignoreTLS: true });
    const up = await new Promise((resolve) => (smtp.once("error", () => resolve(false)), smtp.connect(() => resolve(true))));
    if (up) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  smtp.on("error", () => {});
  for (let i = 0; i < 2000; i++) {
    const token = process.pid + "-" + i;
    const text = header + ": " + token + "\\r\\n\\r\\n" + ("x".repeat(998) + "\\r\\n").repeat(200);
    const { error, info } = await attempt((done) => smtp.send({ from: "a@a.example", to: ["b@b.example"] }, text, done));
    const reply = error ? error.response ?? error.message : info.response;
    console.log(JSON.stringify({ token, reply }));
    if (reply.startsWith(until)) break;
    if (error) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  smtp.quit();`;

interface Sent {
  readonly token: string;
  readonly reply: string;
}

async function sendUntil(reply: string): Promise<readonly Sent[]> {
  const child = run(process.execPath, "--input-type=module", "-e", SENDER, "--", "-", reply, TOKEN_HEADER);
  const sent: Sent[] = [];
  for await (const line of linesOf<Sent>(child)) sent.push(line);
  return sent;
}

async function* linesOf<T>(child: ChildProcess): AsyncGenerator<T> {
  if (child.stdout === null) return;
  for await (const line of createInterface({ input: child.stdout })) {
    const object: T = JSON.parse(line);
    yield object;
  }
}

describe("a node whose disk is full", () => {
  it("answers 452, loses nothing that it accepted, and serves again once its queue has gone", async () => {
    const disk = join(network.directory, "disk");
    await mkdir(disk);
    const configFile = join(network.directory, "one.conf");
    await writeFile(
      configFile,
      `Hostname = "one"
       SpoolBase = "${disk}/spool"
       Gateway = "10.1.0.1:2525"
       Retry_Interval = 1  Max_Retry_Interval = 1
       ECCluster_Listener { Listen "10.1.0.1:4802" {} }
       cluster { nodename = "one" }
       ESMTP_Listener { Relay_Hosts = ( "10.1.0.0/16" )  Listen "10.1.0.1:25" {} }`,
    );
    startDaemonOn(disk, configFile);

    const first = await sendUntil("4");
    expect(first.at(-1)?.reply).toMatch(/^452 4\.3\.1/);
    const accepted = new Set(first.slice(0, -1).map(({ token }) => token));
    expect(accepted.size).toBeGreaterThan(5);

    const sink = run(process.execPath, "dist/lab/sink-main.js", "10.1.0.1", "2525");
    const waiting = new Set(accepted);
    for await (const line of linesOf<DeliveredMessage | { readonly event: "listening" }>(sink)) {
      if (line.event === "delivered") waiting.delete(line.token);
      if (waiting.size === 0) break;
    }
    expect((await sendUntil("250")).at(-1)?.reply).toMatch(/^250/);
  });
});
