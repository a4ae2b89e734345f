/** The kernel layer, usable by itself: `import { openKernel } from "holdfast/kernel"`. */
export { HOLDFAST_PROTOCOL, type KernelOptions, openKernel } from "./kernel.js";
export { type Findings, findOrphans, type VipPlace } from "./orphans.js";
export type {
  AddressFilter,
  AnnounceSource,
  BatchOptions,
  BindEndpoint,
  BindResult,
  Connection,
  FoundAddress,
  FoundAddresses,
  Host,
  Kernel,
  KernelChanges,
  KillResult,
  Lifeline,
  Link,
  LinkChange,
  Monitor,
  Neighbour,
  NeighbourChange,
  PlumbResult,
  PlumbTarget,
  TickleResult,
  WatchOptions,
} from "./types.js";
