/** The listeners, as written: what DuraVIP makes of them is in duravip.ts. */
import { formatEndpoint, parseEndpoint } from "./address.js";
import type { Marks } from "./bindings.js";
import { type HostAddress, placeOf } from "./cluster.js";
import type { Diagnostics } from "./diagnostics.js";
import { LISTEN_MARKS, LISTENER } from "./schema.js";
import { type Scope, type Setting, scopeTitle, setting, valueOf } from "./scopes.js";
import type { Endpoint, Listen, SourceLocation } from "./types.js";

/** More connections than a process can have files open (`fs.nr_open` is 1,048,576). */
const NO_LIMIT = 2 ** 21;

export interface WrittenListen extends Marks {
  readonly stanza: Omit<Listen, "duravip" | "follow">;
  readonly target: Setting<string | null> | undefined;
}

/** Every `Listen` of the ESMTP listener whose endpoint is one. */
export function readListens(listener: Scope, root: Scope, diagnostics: Diagnostics): WrittenListen[] {
  const first = new Map<string, SourceLocation>();
  const listens: WrittenListen[] = [];
  for (const scope of listener.scopes) {
    const endpoint = endpointOf(scope, diagnostics);
    if (endpoint === null) continue;
    const text = formatEndpoint(endpoint);
    if (first.has(text)) {
      diagnostics.error(
        "duplicate-listen",
        scope.at,
        `there is a Listen for ${text} already${placeOf(first.get(text))}`,
      );
      continue;
    }
    first.set(text, scope.at);
    listens.push(readListen(endpoint, [scope, listener, root], diagnostics));
  }
  return listens;
}

function readListen(
  endpoint: Endpoint,
  scopes: readonly [Scope, Scope, Scope],
  diagnostics: Diagnostics,
): WrittenListen {
  const [scope] = scopes;
  return {
    stanza: {
      endpoint,
      ehloHostname: valueOf(LISTENER.ehloHostname, ...scopes),
      relayHosts: valueOf(LISTENER.relayHosts, ...scopes),
      tls: readTls(scopes, diagnostics),
      maxMessageBytes: valueOf(LISTENER.maxMessageBytes, ...scopes),
      ...readLimits(scopes),
      messageTimeoutMs: valueOf(LISTENER.messageTimeoutMs, ...scopes),
      idleTimeoutMs: valueOf(LISTENER.idleTimeoutMs, ...scopes),
      enabled: valueOf(LISTENER.enabled, ...scopes),
      at: scope.at,
    },
    enable: setting(LISTEN_MARKS.enable, scope),
    preference: setting(LISTEN_MARKS.preference, scope),
    target: setting(LISTEN_MARKS.follow, scope),
  };
}

/** No client, and no network, takes every place of a Listen unless it was told that it may. */
function readLimits(scopes: readonly Scope[]) {
  const maxConnections = valueOf(LISTENER.maxConnections, ...scopes) || NO_LIMIT;
  const client = valueOf(LISTENER.maxConnectionsPerClient, ...scopes) ?? Math.ceil(maxConnections / 2);
  const network = valueOf(LISTENER.maxConnectionsPerNetwork, ...scopes) ?? Math.ceil((maxConnections * 3) / 4);
  return {
    maxConnections,
    maxConnectionsPerClient: client || NO_LIMIT,
    maxConnectionsPerNetwork: network || NO_LIMIT,
  };
}

/** Both halves, from wherever they come; one alone is a mistake. */
function readTls(scopes: readonly Scope[], diagnostics: Diagnostics): Listen["tls"] {
  const certificate = setting(LISTENER.tlsCertificate, ...scopes);
  const key = setting(LISTENER.tlsKey, ...scopes);
  const alone = key === undefined ? certificate : certificate === undefined ? key : undefined;
  if (alone !== undefined) {
    const message = "STARTTLS needs both TLS_Certificate and TLS_Key";
    diagnostics.error("tls-incomplete", alone.at, message, "set the other one too");
  }
  if (!certificate?.value || !key?.value) return null;
  return { certificateFile: certificate.value, keyFile: key.value };
}

function endpointOf(scope: Scope, diagnostics: Diagnostics): Endpoint | null {
  const endpoint = parseEndpoint(scope.name, "listen");
  if (typeof endpoint !== "string") return endpoint;
  const remedy = 'write "10.1.1.1:25", "*:25" or "[2001:db8::1]:25"';
  diagnostics.error("listen-address", scope.at, `${scopeTitle(scope)} ${endpoint}`, remedy);
  return null;
}

/** Where peers hand over messages; `*:4802` unless the text says otherwise. */
export function readClusterListen(listener: Scope, diagnostics: Diagnostics): Endpoint {
  const [chosen, surplus] = listener.scopes;
  if (surplus !== undefined) {
    diagnostics.error("duplicate-listen", surplus.at, "ECCluster_Listener has one Listen, and this is another");
  }
  return (chosen === undefined ? null : endpointOf(chosen, diagnostics)) ?? { host: "*", port: 4802 };
}

export interface Control {
  readonly socket: string | null;
  /** Addresses at which the original would listen for consoles: hosts' own, never VIPs. */
  readonly hostAddresses: readonly HostAddress[];
}

/** The console's socket. Endpoints of TCP are read, for the sake of the rules, and not listened on. */
export function readControl(listener: Scope, diagnostics: Diagnostics): Control {
  let socket: string | null = null;
  const hostAddresses: HostAddress[] = [];
  for (const scope of listener.scopes) {
    if (/^\/[^\p{Cc}]+$/u.test(scope.name)) {
      if (socket !== null) {
        const message = `Control_Listener has one socket, ${socket}, and this is another`;
        diagnostics.error("duplicate-listen", scope.at, message);
      }
      socket ??= scope.name;
      continue;
    }
    const endpoint = parseEndpoint(scope.name, "listen");
    if (typeof endpoint === "string") {
      const remedy = 'write an absolute path: Listen "/run/holdfast/control"';
      diagnostics.error("listen-address", scope.at, `${scopeTitle(scope)} is not the path of a socket`, remedy);
      continue;
    }
    const message = `${scopeTitle(scope)} is not listened on: the console has a UNIX socket only`;
    diagnostics.warn("no-effect", scope.at, message, 'write Listen "/run/holdfast/control" {}');
    hostAddresses.push({ address: endpoint.host, is: "the address of the Control_Listener" });
  }
  return { socket, hostAddresses };
}
