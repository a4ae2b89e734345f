/** All that makes one simulated cluster another than the next, and what a scenario takes that does not care. */
import type { NodeSetup } from "../core/node.js";
import type { Entry } from "../core/catalogue/catalogue.js";
import type { ChannelTimes } from "./channel-engine.js";
import type { ClockStart } from "./clock.js";
import type { DaemonTimes } from "./daemon.js";
import type { HostTimes } from "./host.js";
import type { LanOptions } from "./lan.js";
import type { ModelTimes } from "./model-engine.js";
import type { NetworkOptions } from "./network.js";

export interface ClusterOptions {
  readonly seed: number;
  /** Entries of each node; its keys are the hosts. */
  readonly layout: ReadonlyMap<string, readonly Entry[]>;
  readonly engine: "model" | "channel";
  readonly network: NetworkOptions;
  readonly model: ModelTimes;
  readonly channel: ChannelTimes;
  readonly host: HostTimes;
  readonly daemon: DaemonTimes;
  readonly lan: LanOptions;
  /** Of hosts whose clock is not that of the run. */
  readonly clocks: ReadonlyMap<string, ClockStart>;
  /** What single hosts have otherwise than all: another version of the program, another weight or option. */
  readonly setups: ReadonlyMap<string, Partial<NodeSetup>>;
  readonly viewMatureTimeMs: number;
  readonly viewBalanceIntervalMs: number;
  readonly balanceSetSize: number;
  readonly leaseMs: number;
  readonly flapHalfLifeMs: number;
  readonly clockDriftMax: number;
  /** Hosts whose addresses go when their daemon dies. */
  readonly lifelines: ReadonlySet<string>;
  readonly print: ((line: string) => void) | null;
}

export const USUAL: Omit<ClusterOptions, "seed" | "layout"> = {
  engine: "model",
  network: { delayMs: 0.2, jitterMs: 0.5, loss: 0 },
  model: { failureTimeoutMs: 500, joinMs: 150 },
  channel: { heartbeatIntervalMs: 100, failureTimeoutMs: 500, reconnectIntervalMs: 250 },
  host: { batchMs: 2, addressMs: 0.02, drainMs: 20 },
  daemon: { checkMs: 1_000, leaveLimitMs: 10_000 },
  lan: {
    neighbours: 2,
    rounds: 3,
    loss: 0,
    locktime: 0.5,
    refreshMs: 0,
    askMs: 0,
    conflict: { limit: 3, action: "defend" },
  },
  clocks: new Map(),
  setups: new Map(),
  viewMatureTimeMs: 1_000,
  viewBalanceIntervalMs: 2_000,
  balanceSetSize: 0,
  leaseMs: 2_000,
  flapHalfLifeMs: 0,
  clockDriftMax: 0.01,
  lifelines: new Set(),
  print: null,
};
