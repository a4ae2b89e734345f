/** A small world for the mail engine: addresses of 127.0.0.0/8, all of which Linux has, ports that are free, sinks that
 * take mail, and clients that speak SMTP byte by byte. */
import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { expect, it } from "vitest";
import type { Binding, Config, DomainRoute, Listen, MailOptions, Peer } from "../../src/config/types.js";
import { createMailEngine, type MailEngineParts } from "../../src/mail/engine.js";
import { openKernel } from "../../src/kernel/index.js";
import { socketBinder } from "../../src/node/socket-binder.js";
import type { BindingHome, MailEvent, MailService, MailSetup } from "../../src/mail/types.js";

const at = { file: "test", line: 1, column: 1 };
const cleanups = new AsyncLocalStorage<(() => unknown)[]>();

/** A test beside others of its file: each waits a tenth of a second for every greeting of its sink, which is
 * smtp-server's way to find early talkers. */
export function scene(name: string, play: () => Promise<void>): void {
  it.concurrent(name, () => played(play));
}

/** Plays, and cleans up. */
export async function played(play: () => Promise<void>): Promise<void> {
  const steps: (() => unknown)[] = [];
  try {
    await cleanups.run(steps, play);
  } finally {
    for (const step of steps.toReversed()) await step();
  }
}

/** Runs after the scene, last in first out. */
export function cleanup(step: () => unknown): void {
  const steps = cleanups.getStore();
  if (steps === undefined) throw new Error("only in a scene");
  steps.push(step);
}

export function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-mail-"));
  cleanup(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const given = new Set<number>();

/** One that no other scene gets. */
export async function freePort(host: string): Promise<number> {
  const server = createServer();
  const { port } = await listening(server, host);
  server.close();
  await once(server, "close");
  if (given.has(port)) return freePort(host);
  given.add(port);
  return port;
}

/** Where the server listens, on a port that the kernel chose. */
export async function listening(server: Server, host: string): Promise<{ host: string; port: number }> {
  server.listen(0, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { host, port: address.port };
}

export function binding(name: string, over: Partial<Binding> = {}): Binding {
  return {
    name,
    group: "default",
    address: null,
    duravip: { enabled: false, upgraded: false, preferences: [] },
    ehloHostname: null,
    suspended: false,
    maxConnectionsPerDomain: null,
    at,
    ...over,
  };
}

/** A binding whose address is managed. */
export function vip(name: string, address: string, over: Partial<Binding> = {}): Binding {
  return binding(name, { address, duravip: { enabled: true, upgraded: false, preferences: [] }, ...over });
}

export function listen(host: string, port: number, over: Partial<Listen> = {}): Listen {
  return {
    endpoint: { host, port },
    duravip: { enabled: false, upgraded: false, preferences: [] },
    follow: null,
    ehloHostname: null,
    relayHosts: ["127.0.0.0/8", "::1/128"],
    tls: null,
    maxMessageBytes: 50 * 1024 * 1024,
    maxConnections: 100,
    maxConnectionsPerClient: 100,
    maxConnectionsPerNetwork: 100,
    messageTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    enabled: true,
    at,
    ...over,
  };
}

export interface ConfigParts {
  readonly nodename?: string;
  readonly peers?: readonly Peer[];
  readonly bindings?: readonly Binding[];
  readonly groups?: Readonly<Record<string, { readonly bindings: readonly string[]; readonly suspended?: boolean }>>;
  readonly listens?: readonly Listen[];
  readonly clusterListen?: { readonly host: string; readonly port: number };
  readonly mail?: Partial<MailOptions>;
  readonly domains?: readonly DomainRoute[];
}

export function config(parts: ConfigParts): Config {
  return {
    nodename: parts.nodename ?? "n1",
    cluster: {
      nodeaddr: null,
      clusterGroup: "ec_cluster",
      controlGroup: "ec_console",
      keyFile: null,
      keyFileAt: null,
      arpRepeat: 3,
      arpRate: 10_000,
      arpRefreshMs: 60_000,
      arpAllHosts: true,
      arpShareMs: 30_000,
      takeoverProbeMs: 0,
      conflictLimit: 3,
      conflictAction: "defend",
      kernelProtocol: 104,
      balanceSetSize: 0,
      weight: 100,
      flapHalfLifeMs: 300_000,
      auditFile: null,
      drainRate: 0,
      viewMatureTimeMs: 5_000,
      viewBalanceIntervalMs: 10_000,
      ifCheckIntervalMs: 30_000,
      healthIntervalMs: 1_000,
      drainTimeoutMs: 2_000,
      leaseMs: 2_000,
      clockDriftMax: 0.01,
    },
    topologies: [],
    peers: parts.peers ?? [],
    channel: {
      port: 4809,
      heartbeatIntervalMs: 100,
      failureTimeoutMs: 500,
      reconnectIntervalMs: 100,
      connectTimeoutMs: 1_000,
      maxBacklog: 10_000,
    },
    bindings: [binding("default"), ...(parts.bindings ?? [])],
    bindingGroups: [
      { name: "default", bindings: ["default"], suspended: false },
      ...Object.entries(parts.groups ?? {}).map(([name, group]) => ({ name, suspended: false, ...group })),
    ],
    listens: parts.listens ?? [],
    clusterListen: parts.clusterListen ?? { host: "127.0.0.1", port: 1 },
    controlSocket: null,
    mail: {
      spoolBase: directory(),
      gateway: null,
      bindingHeader: null,
      defaultBinding: "normal",
      suspended: false,
      retryIntervalMs: 60_000,
      maxRetryIntervalMs: 3_600_000,
      messageExpirationMs: 86_400_000,
      maxOutboundConnections: 10,
      mmoveConnections: 4,
      listenSharedMin: 512,
      hostname: "n1.test",
      tls: "ifavailable",
      ...parts.mail,
    },
    domains: parts.domains ?? [],
  };
}

/** Addresses `count` of a block that no other test file uses. */
export function addresses(second: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `127.${second}.0.${at + 1}`);
}

/** Waits for a state, looking every few milliseconds; says what it waited for when it does not come. */
export async function until<T>(what: string, look: () => T | Promise<T>, limitMs = 10_000): Promise<NonNullable<T>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== false && seen !== null && seen !== undefined) return seen;
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface Mail {
  readonly mail: MailService;
  readonly setup: MailSetup;
  readonly events: MailEvent[];
  /** Waits for an event with this code and these facts. */
  readonly event: (code: string, facts?: MailEvent["facts"]) => Promise<MailEvent>;
}

let incarnations = 1_000;

const binder = socketBinder(openKernel());

/** An engine in this process, started; stopped after the test. */
export async function engine(
  setup: Omit<MailSetup, "incarnation" | "peerKey"> & Partial<MailSetup>,
  parts: Partial<MailEngineParts> = {},
): Promise<Mail> {
  const whole: MailSetup = { peerKey: null, incarnation: ++incarnations, ...setup };
  const events: MailEvent[] = [];
  const mail = createMailEngine(whole, (event) => events.push(event), { binder, ...parts });
  cleanup(() => mail.stop());
  await mail.start();
  const matches = (event: MailEvent, code: string, facts: MailEvent["facts"]) =>
    event.code === code && Object.entries(facts).every(([name, value]) => event.facts[name] === value);
  return {
    mail,
    setup: whole,
    events,
    event: (code, facts = {}) =>
      until(`event ${code} ${JSON.stringify(facts)}; there were ${events.map((event) => event.code).join(" ")}`, () =>
        events.find((event) => matches(event, code, facts)),
      ),
  };
}

export function home(
  binding: string,
  node: string | null,
  epoch: number,
  endpoint: BindingHome["endpoint"] = null,
): BindingHome {
  return { binding, node, epoch, endpoint };
}

export interface Taken {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
  readonly client: string;
  readonly session: string;
  readonly dsn: unknown;
  readonly tls: boolean;
}

export interface Sink {
  readonly host: string;
  readonly port: number;
  readonly taken: Taken[];
  readonly server: SMTPServer;
}

/** A server that takes all mail, or does what `over` says. */
export async function sink(host: string, over: SMTPServerOptions = {}): Promise<Sink> {
  const taken: Taken[] = [];
  const server = new SMTPServer({
    logger: false,
    disableReverseLookup: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    hideDSN: false,
    hideENHANCEDSTATUSCODES: false,
    closeTimeout: 1,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      const { mailFrom, rcptTo } = session.envelope;
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", () => {});
      stream.on("end", () => {
        taken.push({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map((recipient) => recipient.address),
          text: Buffer.concat(chunks).toString("utf8"),
          client: session.remoteAddress,
          session: session.id,
          dsn: { ...session.envelope.dsn, rcpt: rcptTo.map((recipient) => (recipient as { dsn?: unknown }).dsn) },
          tls: session.secure,
        });
        done(null, "taken");
      });
    },
    ...over,
  });
  server.on("error", () => {});
  const endpoint = await listening(server.server, host);
  cleanup(async () => {
    const closed = once(server, "close");
    server.close();
    await closed;
  });
  return { ...endpoint, taken, server };
}

/** A client that says what it is told and reads replies. */
export class Dialog {
  #text = "";
  #ended = false;
  #look = () => {};
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.#text += text;
      this.#look();
    });
    socket.on("close", () => {
      this.#ended = true;
      this.#look();
    });
    socket.on("error", () => {});
    cleanup(() => socket.destroy());
  }

  /** Connects, reads the greeting, and says EHLO. */
  static async greeted(port: number, host: string, localAddress = "127.0.0.1"): Promise<Dialog> {
    const dialog = new Dialog(connect({ port, host, localAddress }));
    expect(await dialog.reply()).toMatch(/^220 /);
    expect(await dialog.say("EHLO client.test")).toMatch(/^250/);
    return dialog;
  }

  write(text: string): void {
    this.#socket.write(text, "latin1");
  }

  async say(line: string): Promise<string> {
    this.write(`${line}\r\n`);
    return this.reply();
  }

  /** The next whole reply, without its last line end; "" when the connection ended instead. */
  reply(): Promise<string> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`no reply; there is: ${this.#text}`)), 10_000);
      this.#look = () => {
        const found = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(this.#text)?.[0];
        if (found === undefined && !this.#ended) return;
        this.#text = this.#text.slice(found?.length ?? 0);
        this.#look = () => {};
        clearTimeout(limit);
        resolve(found?.trimEnd() ?? "");
      };
      this.#look();
    });
  }

  /** Sends a message whose lines are given as they go over the wire, dots and all. @returns the last reply. */
  async message(from: string, to: readonly string[], content: string): Promise<string> {
    expect(await this.say(`MAIL FROM:<${from}>`)).toMatch(/^250/);
    for (const recipient of to) expect(await this.say(`RCPT TO:<${recipient}>`)).toMatch(/^250/);
    expect(await this.say("DATA")).toMatch(/^354/);
    this.write(content);
    return this.say(".");
  }

  /** Sends a message as it goes over the wire, its end too. @returns the last reply. */
  async data(wire: Buffer): Promise<string> {
    expect(await this.say("MAIL FROM:<a@x.test>")).toMatch(/^250/);
    expect(await this.say("RCPT TO:<b@x.test>")).toMatch(/^250/);
    expect(await this.say("DATA")).toMatch(/^354/);
    this.#socket.write(wire);
    return this.reply();
  }

  end(): void {
    this.#socket.destroy();
  }

  ended(): Promise<boolean> {
    return until("the end of the connection", () => (this.#ended ? true : null));
  }
}

/** A domain that goes to these endpoints. */
export function route(
  name: string,
  ...routes: readonly { readonly host: string; readonly port: number }[]
): DomainRoute {
  return { name, routes: routes.map(({ host, port }) => ({ host, port })), suspended: false, tls: null };
}

export const text = (subject: string) => `Subject: ${subject}\r\n\r\nHello.\r\n`;
