/** Which node this is. */

/** What the shell knows about it. */
export interface NodeFacts {
  /** `--node`, or null. */
  readonly explicit: string | null;
  /** `EC_NODE_NAME`, or null. */
  readonly environment: string | null;
  readonly hostname: string;
}

/** `--node`, else `nodename` of the cluster scope, else `EC_NODE_NAME`, else the host name up to its first dot. */
export function resolveNodename({ explicit, environment, hostname }: NodeFacts, configured: string | null): string {
  return explicit || configured || environment || (hostname.split(".")[0] ?? "");
}
