/** The public surface of the package: the kernel layer by itself is `holdfast/kernel`. */
export { formatDiagnostic, parseConfig } from "./config/index.js";
export type * from "./config/types.js";
export { type Daemon, type DaemonOptions, startDaemon } from "./daemon/daemon.js";
export { ERROR_CODES, type ErrorCode, explain, hasCode, HoldfastError } from "./errors.js";
export type { GroupChannel, GroupEvent, GroupHandler, View } from "./group/channel.js";
export type { DuravipStatus, MemberStatus, MoveResult, NodeControl, NodeInfo } from "./node/control.js";
export type { NodeEvent, NodeEventSink } from "./node/node.js";
