/** What a node says of the networks of its Topologies: by which addresses of its own it can be asked for there, and whom it hears. */
import type { ByteReader, ByteWriter } from "./bytes.js";
import { readAddress, writeAddress } from "./sets.js";

export interface Hearing {
  /** Its block. */
  readonly topology: string;
  /** A few of the sender's own on the interface of the Topology. */
  readonly addresses: readonly string[];
  /** Members that answer the sender there. */
  readonly heard: readonly string[];
}

/** More of either are of no use to anybody. */
export const MAX_ADDRESSES = 4;
const MAX_TOPOLOGIES = 1024;
const MAX_HEARD = 1024;

export function writeHearing(out: ByteWriter, hearing: readonly Hearing[]): void {
  out.list(hearing, ({ topology, addresses, heard }) =>
    out
      .string(topology)
      .list(addresses, (address) => writeAddress(out, address))
      .list(heard, (member) => out.string(member)),
  );
}

export function readHearing(source: ByteReader): Hearing[] {
  return source.list(
    () => ({
      topology: source.string(),
      addresses: source.list(() => readAddress(source), MAX_ADDRESSES),
      heard: source.list(() => source.string(), MAX_HEARD),
    }),
    MAX_TOPOLOGIES,
  );
}
