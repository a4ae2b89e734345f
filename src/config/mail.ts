/** Global mail options and domains. */
import { isHostName } from "./address.js";
import { placeOf } from "./cluster.js";
import type { Diagnostics } from "./diagnostics.js";
import { DOMAIN, GLOBAL } from "./schema.js";
import { type Scope, scopeTitle, setting, valueOf, valuesOf } from "./scopes.js";
import type { DomainRoute, MailOptions, SourceLocation } from "./types.js";

export function readMail(root: Scope, nodename: string, diagnostics: Diagnostics): MailOptions {
  const values = valuesOf(GLOBAL, root);
  const longest = setting(GLOBAL.maxRetryIntervalMs, root) ?? setting(GLOBAL.retryIntervalMs, root);
  if (longest !== undefined && values.maxRetryIntervalMs < values.retryIntervalMs) {
    diagnostics.error("retry-interval", longest.at, "Max_Retry_Interval is shorter than Retry_Interval");
  }
  return {
    spoolBase: values.spoolBase,
    gateway: values.gateway?.length ? values.gateway : null,
    bindingHeader: values.bindingHeader,
    defaultBinding: values.defaultBinding,
    suspended: values.suspended,
    retryIntervalMs: values.retryIntervalMs,
    maxRetryIntervalMs: values.maxRetryIntervalMs,
    messageExpirationMs: values.messageExpirationMs,
    maxOutboundConnections: values.maxOutboundConnections,
    mmoveConnections: values.mmoveConnections,
    listenSharedMin: values.listenSharedMin,
    hostname: values.hostname ?? nodename,
    tls: values.tls,
  };
}

export function readDomains(scopes: readonly Scope[], diagnostics: Diagnostics): DomainRoute[] {
  const first = new Map<string, SourceLocation>();
  const domains: DomainRoute[] = [];
  for (const scope of scopes) {
    const name = scope.name.toLowerCase();
    if (/^\/.*\/$/.test(name)) {
      const message = `${scopeTitle(scope)} is a regular expression: domains are matched by name only`;
      diagnostics.error("domain-name", scope.at, message, "name each domain by itself");
      continue;
    }
    if (!isHostName(name) && !/^\[[^\s[\]]+\]$/.test(name)) {
      diagnostics.error("domain-name", scope.at, `${scopeTitle(scope)} is not the name of a domain`);
      continue;
    }
    if (first.has(name)) {
      diagnostics.error("duplicate-domain", scope.at, `there is a Domain "${name}" already${placeOf(first.get(name))}`);
      continue;
    }
    first.set(name, scope.at);
    domains.push({
      name,
      routes: valueOf(DOMAIN.routes, scope) ?? [],
      suspended: valueOf(DOMAIN.suspended, scope),
      tls: setting(DOMAIN.tls, scope)?.value ?? null,
    });
  }
  return domains;
}
