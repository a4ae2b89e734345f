/** Text -> Config. The whole of this folder is put together here. */
import { readBindings } from "./bindings.js";
import { readCluster, Topologies } from "./cluster.js";
import { Diagnostics } from "./diagnostics.js";
import { manageAddresses } from "./duravip.js";
import { Loader, SEARCH_PATH } from "./includes.js";
import { readClusterListen, readControl, readListens } from "./listeners.js";
import { readDomains, readMail } from "./mail.js";
import { type NodeFacts, resolveNodename } from "./nodename.js";
import {
  CLUSTER_RULE,
  CONTROL_LISTENER_RULE,
  DOMAIN_RULE,
  ECCLUSTER_LISTENER_RULE,
  ESMTP_LISTENER_RULE,
  IDENTITY,
  MSGC_SERVER_RULE,
} from "./schema.js";
import { childrenOf, readScopes, type Scope, singleton, valueOf } from "./scopes.js";
import { checkPartitions } from "./partitions.js";
import type { Config, ConfigReader, ConfigResult } from "./types.js";

export interface ParseOptions {
  readonly reader: ConfigReader;
  /** The name itself, whatever the text says; or the facts that it follows from together with the text. */
  readonly nodename: string | NodeFacts;
  /** Directories for includes; `{NODENAME}` is filled in, relative ones begin at the main file. Default SEARCH_PATH. */
  readonly searchPath?: readonly string[];
}

/**
 * Reads a configuration and everything that it includes, for one node.
 *
 * Never throws, whatever the text: each mistake is a diagnostic, and one never hides another. Time and memory grow with
 * the text, not faster. Reads files only by `reader`.
 */
export function parseConfig(path: string, { reader, nodename, searchPath = SEARCH_PATH }: ParseOptions): ConfigResult {
  const facts: NodeFacts =
    typeof nodename === "string" ? { explicit: nodename, environment: null, hostname: "" } : nodename;
  const read = (name: string) => {
    const diagnostics = new Diagnostics();
    const root = readScopes(path, new Loader(path, name, searchPath, reader, diagnostics), diagnostics);
    const configured = valueOf(IDENTITY.nodename, singleton(root, CLUSTER_RULE));
    return { name, root, diagnostics, resolved: resolveNodename(facts, configured) };
  };
  // Includes depend on the node's name, and the name may stand in the text.
  const guess = read(resolveNodename(facts, null));
  const { name, root, diagnostics } = guess.resolved === guess.name ? guess : read(guess.resolved);
  const config = assemble(root, name, diagnostics);
  return { config: diagnostics.hasErrors ? null : config, diagnostics: diagnostics.sorted() };
}

function assemble(root: Scope, nodename: string, diagnostics: Diagnostics): Config {
  if (nodename === "") {
    diagnostics.error("no-nodename", root.at, "this host has no name", "start with --node NAME, or set nodename");
  }
  const cluster = singleton(root, CLUSTER_RULE);
  const { hostAddresses, ...clusterPart } = readCluster(
    cluster,
    singleton(root, MSGC_SERVER_RULE),
    nodename,
    diagnostics,
  );
  const topologies = new Topologies(cluster.scopes, diagnostics);
  checkPartitions(topologies.all, clusterPart.cluster, clusterPart.channel, diagnostics);
  const { groups, bindings } = readBindings(root, diagnostics);
  const listens = readListens(singleton(root, ESMTP_LISTENER_RULE), root, diagnostics);
  const clusterListen = readClusterListen(singleton(root, ECCLUSTER_LISTENER_RULE), diagnostics);
  const control = readControl(singleton(root, CONTROL_LISTENER_RULE), diagnostics);
  const facts = {
    topologies,
    peers: clusterPart.peers,
    hostAddresses: [
      ...hostAddresses,
      ...control.hostAddresses,
      { address: clusterListen.host, is: "the address of the ECCluster_Listener" },
    ],
  };
  return {
    nodename,
    ...clusterPart,
    topologies: topologies.all,
    bindingGroups: groups,
    ...manageAddresses({ bindings, listens }, facts, diagnostics),
    clusterListen,
    controlSocket: control.socket,
    mail: readMail(root, nodename, diagnostics),
    domains: readDomains(childrenOf(root, DOMAIN_RULE), diagnostics),
  };
}
