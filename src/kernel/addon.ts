/** The native half: what it exports, and how it is found. `native/binding` has the same functions in C++. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { getSystemErrorName } from "node:util";
import { type ErrorCode, HoldfastError } from "../errors.js";
import type { Link, LinkChange } from "./types.js";

/** Wrong arguments throw a TypeError with code ERR_NATIVE_ARGUMENT; rejections are a SystemCallError. */
export interface Addon {
  links(): Promise<Link[]>;
  /** @param protocol 0 to 255, or -1 for all. @param ifindex 0 for all. @param kinds 1 interface addresses, 2 local routes,
   * 3 both. @returns packed records (records.ts). */
  addresses(protocol: number, ifindex: number, kinds: 1 | 2 | 3): Promise<Buffer>;
  /** @param addresses packed, 16 bytes each (sockets.ts); copied. @returns packed uses (uses.ts). */
  uses(addresses: Uint8Array): Promise<Buffer>;
  keepsTags(): Promise<boolean>;
  /** @param operation 1 add, 2 remove, 3 extend. @param most how many addresses it may get, up to 1,048,576.
   * @param receiveBytes room for the kernel's answers. */
  openBatch(operation: 1 | 2 | 3, protocol: number, most: number, receiveBytes: number): NativeBatch;
  /** @returns a descriptor for `announce`, or -errno. */
  openAnnouncer(): number;
  /** A gratuitous ARP request and reply, or an unsolicited neighbour advertisement, for each address to each Ethernet address.
   * @param to packed, 6 bytes each; copied; the broadcast address stands for everybody, for IPv6 too.
   * @param addresses packed, 16 bytes each (`writeMapped`); copied. */
  announce(
    fd: number,
    ifindex: number,
    mac: Uint8Array,
    to: Uint8Array,
    addresses: Uint8Array,
  ): Promise<NativeSendResult>;
  /** Asks everybody who has each address, once. @param addresses packed, 16 bytes each (`writeMapped`); copied. @param from the
   * same: who asks, one of each family; where there is none, nobody does. */
  probe(
    fd: number,
    ifindex: number,
    mac: Uint8Array,
    addresses: Uint8Array,
    from: Uint8Array,
  ): Promise<NativeSendResult>;
  /** @param handler is called with at most 1,024 packed sightings (lan.ts) a turn of the event loop, at most every 50 ms. */
  openLan(ifindex: number, mac: Uint8Array, handler: (sightings: Buffer) => void): Promise<NativeLan>;
  /** @param ifindex 0 for all links. @returns packed records (neighbours.ts). */
  neighbours(ifindex: number): Promise<Buffer>;
  openLifeline(name: string): Promise<{ readonly fd: number; readonly ifindex: number }>;
  /**
   * @param receiveBytes room for notifications that nobody has read yet.
   * @param handler is called with at most 4,096 addresses a turn of the event loop (packed records), with links, with at most
   *   4,096 neighbours (packed, two records each, before and after: neighbours.ts), and with how often a dump has made up for
   *   notifications that did not come.
   */
  openMonitor(
    receiveBytes: number,
    withNeighbours: boolean,
    handler: (
      removed: Buffer,
      added: Buffer,
      links: readonly LinkChange[],
      neighbours: Buffer,
      resyncs: number,
    ) => void,
  ): Promise<NativeMonitor>;
  /** @param addresses packed, 16 bytes each (sockets.ts); copied. @param listening those that listen, too. */
  killSockets(addresses: Uint8Array, listening: boolean): Promise<NativeKillResult>;
  /** @param addresses packed, 16 bytes each (sockets.ts); copied. @returns packed connections (sockets.ts). */
  connections(addresses: Uint8Array): Promise<Buffer>;
  /** Two packets for each connection. @param connections packed, 36 bytes each (sockets.ts); copied. */
  tickle(connections: Uint8Array): Promise<NativeSendResult>;
  /** @param endpoints packed, 18 bytes each (bind.ts); copied. @returns a bound socket each, or -errno. They are closed with
   * this environment, unless they were given away by then. */
  bindSockets(endpoints: Uint8Array): Promise<Int32Array>;
  /** Its number is the caller's to close from here on. */
  releaseSocket(fd: number): void;
  closeSockets(fds: Int32Array): Promise<void>;
  /** Ends what `openAnnouncer` or `openLifeline` gave. */
  close(fd: number): Promise<void>;
  /** Where the C++ compiler put the fields of a record. */
  readonly layout: Readonly<Record<string, number>>;
}

export interface NativeBatch {
  /**
   * @param addresses texts, with a newline between two. @param prefix null for the host's, by the family of each address.
   * @param flags as a record has them (records.ts).
   * @returns how many were taken: all, or 0, where one is no address or there are more than the batch has room for.
   */
  append(addresses: string, ifindex: number, prefix: number | null, flags: number): number;
  /**
   * Once. Both in milliseconds of CLOCK_MONOTONIC; Infinity for never.
   * @param notAfter what the kernel was not asked by then gets -ETIME.
   * @param validUntil when the kernel is to take aliases away by itself, in whole seconds, rounded up.
   */
  run(notAfter: number, validUntil: number): Promise<NativeBatchResult>;
  /** How many records have their status. */
  done(): number;
  /** What was not begun gets -ECANCELED. */
  cancel(): void;
}

export interface NativeBatchResult {
  readonly statuses: Int32Array;
  /** -errno and words. */
  readonly texts: readonly (readonly [number, string])[];
}

export interface NativeSendResult {
  /** Frames or packets. */
  readonly sent: number;
  readonly failed: number;
  /** -errno of the first that failed, or 0. */
  readonly errno: number;
}

export interface NativeKillResult {
  readonly closed: number;
  /** -errno, and how many sockets stay for it. */
  readonly failed: readonly (readonly [number, number])[];
}

export interface NativeMonitor {
  /** False for what is not an address. */
  has(address: string): boolean;
  /** Once. */
  close(): Promise<void>;
}

/** Addresses are packed, 16 bytes each (`writeMapped`), and copied; a call takes about 1 us for each. */
export interface NativeLan {
  /** @param onLink interface addresses of this very interface, for which the kernel answers. */
  own(onLink: boolean, addresses: Uint8Array): void;
  /** Once it has returned, no answer for them is sent any more. */
  disown(addresses: Uint8Array): void;
  seek(addresses: Uint8Array): void;
  forsake(addresses: Uint8Array): void;
  /** Frames sent. */
  answers(): number;
  /** Once. */
  close(): Promise<void>;
}

/** `message` in the C library's words, `errno` negative. */
export interface SystemCallError extends Error {
  readonly errno: number;
  readonly syscall: string;
}

export function systemError(code: ErrorCode, message: string, cause: SystemCallError): HoldfastError {
  return new HoldfastError(
    code,
    message,
    { errno: getSystemErrorName(cause.errno), syscall: cause.syscall },
    { cause },
  );
}

/** node-gyp-build takes build/Release before any prebuild. @throws ERR_NATIVE_MISSING with the remedy. */
export function loadAddon(): Addon {
  const require = createRequire(import.meta.url);
  try {
    const load: (root: string) => Addon = require("node-gyp-build");
    return load(packageRoot(import.meta.dirname));
  } catch (cause) {
    throw new HoldfastError(
      "ERR_NATIVE_MISSING",
      "the native part of holdfast does not load: run `npm rebuild holdfast` (it needs make, g++ and python3), " +
        "or in a checkout `npm run install`",
      { platform: process.platform, arch: process.arch },
      { cause },
    );
  }
}

/** The folder of binding.gyp above `from`: src/kernel and dist/kernel are equally deep, other builds may not be. */
function packageRoot(from: string): string {
  if (existsSync(join(from, "binding.gyp"))) return from;
  const above = dirname(from);
  if (above === from) throw new Error("no binding.gyp above the kernel layer");
  return packageRoot(above);
}
