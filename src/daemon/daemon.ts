/**
 * The parts of a running node, put together in the order in which they may touch the world, and taken apart in the
 * opposite one. Whatever fails on the way up is undone.
 */
import { Worker } from "node:worker_threads";
import type { Config } from "../config/types.js";
import { startControlServer } from "../console/server.js";
import { catalogueOf } from "../core/catalogue/catalogue.js";
import { explain, HoldfastError } from "../errors.js";
import type { GroupChannel } from "../group/channel.js";
import { embeddedChannel } from "../group/embedded/index.js";
import { deriveKeys, readClusterKey, type ClusterKeys } from "../group/key.js";
import { soloChannel } from "../group/solo.js";
import { openKernel } from "../kernel/index.js";
import type { Kernel } from "../kernel/types.js";
import { createMailService, type StartThread } from "../mail/service.js";
import type { MailEvent } from "../mail/types.js";
import { findLeftovers, removeLeftovers } from "../node/clean-slate.js";
import { Node, type NodeEventSink } from "../node/node.js";
import { bootAndNamespace, PlumbedRecord } from "../node/plumbed-record.js";
import { Plumber } from "../node/plumber.js";
import { requireDescriptors } from "./descriptor-need.js";

export interface Daemon {
  /** Hands addresses and queues over, then ends every part. */
  stop(): Promise<void>;
}

export interface DaemonOptions {
  readonly version: string;
  readonly sink: NodeEventSink;
  /** Reads another configuration for this node. @throws HoldfastError that says what is wrong with it. */
  readonly readConfig: (file: string) => Config;
  /** Aborted when the daemon is to end, be it while it starts. */
  readonly ending: AbortSignal;
}

/**
 * @returns null when the end was asked for before it had started. @throws HoldfastError of the part that could not
 * start. Nothing is left behind then, either way.
 */
export async function startDaemon(config: Config, options: DaemonOptions): Promise<Daemon | null> {
  const { version, sink, readConfig, ending } = options;
  const undo: (() => Promise<void> | void)[] = [];
  const undoAll = async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    requireDescriptors(config);
    const incarnation = Date.now();
    const keys = config.cluster.keyFile === null ? null : deriveKeys(await readClusterKey(config.cluster.keyFile));
    const kernel = openKernel({
      protocol: config.cluster.kernelProtocol,
      arpRate: config.cluster.arpRate,
      arpRefreshMs: config.cluster.arpRefreshMs,
    });
    undo.push(() => kernel.close());
    requireCapabilities(kernel);
    const record = (await kernel.keepsTags())
      ? null
      : await PlumbedRecord.open(config.mail.spoolBase, await bootAndNamespace());
    const entries = catalogueOf(config);
    const plumber = await Plumber.open(
      kernel,
      config,
      entries.map(({ address }) => address),
      sink,
    );
    const leftovers = await findLeftovers(kernel, plumber, entries, record);

    let node: Node | null = null;
    const onMailEvent = (event: MailEvent) => {
      sink(event);
      if (event.code === "mail-thread-died") node?.serviceLost();
    };
    const mail = createMailService({ config, peerKey: keys?.mmove ?? null, incarnation }, onMailEvent, startMailThread);
    ending.throwIfAborted();
    await mail.start();
    undo.push(() => mail.stop());
    ending.throwIfAborted();

    // By its tag: two daemons of one tag would take each other's addresses for their own.
    await plumber.openLifelines();
    undo.push(() => plumber.close());
    // Only now: the spool's lock, the ports and the lifeline's name have shown that no other holdfastd runs here, whose addresses these are.
    await removeLeftovers(kernel, leftovers, sink);
    ending.throwIfAborted();

    const endpoint = { host: clusterAddress(config), port: config.clusterListen.port };
    const channel = groupChannel(config, incarnation, keys);
    node = new Node({
      config,
      incarnation,
      version,
      endpoint,
      kernel,
      plumber,
      record,
      channel,
      mail,
      sink,
      readConfig,
    });
    const running = node;
    if (config.controlSocket !== null) {
      const server = await startControlServer(config.controlSocket, running.control, {
        onFault: (fault, command) =>
          sink({ level: "error", code: "command-failed", facts: { command, reason: explain(fault) } }),
      });
      undo.push(() => server.close());
    }
    ending.throwIfAborted();
    await running.start();
    undo.push(() => running.stop());
    ending.throwIfAborted();
    return { stop: undoAll };
  } catch (error) {
    await undoAll();
    if (error === ending.reason && ending.aborted) return null;
    throw error;
  }
}

const startMailThread: StartThread = (workerData) =>
  new Worker(new URL("../node/mail-thread.js", import.meta.url), { workerData });

function groupChannel(config: Config, incarnation: number, keys: ClusterKeys | null): GroupChannel {
  const { nodename: self, peers, channel } = config;
  if (peers.length <= 1 || keys === null) return soloChannel(self);
  return embeddedChannel({ self, incarnation, peers, keys, ...channel });
}

/** Where peers reach this node for message moves, when its listener is on every address. */
function clusterAddress({ nodename, peers, cluster, clusterListen }: Config): string {
  const wildcard = clusterListen.host === "*" || clusterListen.host === "::";
  if (!wildcard) return clusterListen.host;
  return cluster.nodeaddr ?? peers.find(({ name }) => name === nodename)?.address ?? "127.0.0.1";
}

function requireCapabilities(kernel: Kernel): void {
  const missing = kernel.missingCapabilities();
  if (missing.length === 0) return;
  throw new HoldfastError(
    "ERR_CAPABILITY_MISSING",
    `holdfastd lacks ${missing.join(", ")}: run it as root, or give them with AmbientCapabilities= in its systemd unit`,
    { missing: missing.join(" ") },
  );
}
