/**
 * The first frame of each side of a connection: which protocol it speaks, who it is and which run of it. The cluster
 * key has been proved by then, so a name is what a node of the cluster says of itself.
 */
import { ByteReader, ByteWriter, Malformed } from "../../core/wire/bytes.js";

export interface Hello {
  readonly name: string;
  readonly incarnation: number;
}

/** A hello longer than this is none. */
export const MAX_HELLO_BYTES = 1024;
const MAGIC = "holdfast group";
/** Versions of the frames that this node speaks. */
const VERSIONS = { least: 1, most: 1 };

export function encodeHello(hello: Hello): Uint8Array {
  const to = new ByteWriter().string(MAGIC).uint(VERSIONS.least).uint(VERSIONS.most);
  return to.string(hello.name).uint(hello.incarnation).finish();
}

/** @returns the peer's hello, or why it is none that this node can work with. */
export function decodeHello(bytes: Uint8Array): Hello | string {
  try {
    const from = new ByteReader(bytes);
    if (from.string() !== MAGIC) return "not a hello";
    const [least, most] = [from.uint(), from.uint()];
    // What follows the versions may change with them.
    if (least > VERSIONS.most || most < VERSIONS.least) return `speaks versions ${least} to ${most}`;
    const hello = { name: from.string(), incarnation: from.uint() };
    from.end();
    return hello;
  } catch (error) {
    if (error instanceof Malformed) return "not a hello";
    throw error;
  }
}
