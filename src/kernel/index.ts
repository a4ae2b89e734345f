/** The kernel layer, usable by itself: `import { openKernel } from "holdfast/kernel"`. */
export { Surroundings } from "./host-address.js";
export { HOLDFAST_PROTOCOL, type KernelOptions, openKernel } from "./kernel.js";
export { type Findings, findOrphans, type VipPlace } from "./orphans.js";
export type {
  AddOptions,
  AddressFilter,
  AddressUse,
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
  Lan,
  Lifeline,
  Link,
  LinkChange,
  Monitor,
  Neighbour,
  NeighbourChange,
  PlumbResult,
  PlumbTarget,
  ProbeOptions,
  Sighting,
  TickleResult,
  WatchOptions,
} from "./types.js";
