/** The kernel layer, usable by itself: `import { openKernel } from "holdfast/kernel"`. */
export { HOLDFAST_PROTOCOL, type KernelOptions, openKernel } from "./kernel.js";
export { type Findings, findOrphans, type VipPlace } from "./orphans.js";
export type {
  AddressFilter,
  AnnounceSource,
  BatchOptions,
  FoundAddress,
  FoundAddresses,
  Host,
  Kernel,
  KernelChanges,
  Lifeline,
  Link,
  LinkChange,
  Monitor,
  Neighbour,
  NeighbourChange,
  PlumbResult,
  PlumbTarget,
  WatchOptions,
} from "./types.js";
