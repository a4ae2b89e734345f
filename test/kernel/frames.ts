/** What a host of a test hears on its LAN (sniff.py): ARP and neighbour discovery, taken apart. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { formatAddress } from "../../src/kernel/address.js";
import { formatMac } from "../../src/kernel/neighbours.js";
import type { Namespace } from "./namespace.js";

export interface Frame {
  /** Seconds. */
  readonly at: number;
  readonly to: string;
  readonly from: string;
  readonly form: "request" | "reply" | "solicitation" | "advertisement";
  /** Of ARP the sender's, of NDP what the option says; null where there is none. */
  readonly mac: string | null;
  /** Of ARP the sender protocol address, of NDP the source of the packet. */
  readonly source: string;
  /** That it is about. */
  readonly target: string;
  /** NDP: "ff02::1" */
  readonly destination: string | null;
  /** Of an advertisement: router, solicited, override. */
  readonly flags: string;
}

const sniffer = fileURLToPath(new URL("sniff.py", import.meta.url));

/** @returns every frame that arrives from now on; the list grows. */
export async function listen(host: Namespace, link: string): Promise<Frame[]> {
  const lines = createInterface({ input: host.start(["python3", sniffer, link]).stdout });
  await once(lines, "line");
  const frames: Frame[] = [];
  lines.on("line", (line) => frames.push(parse(line)));
  return frames;
}

function parse(line: string): Frame {
  const [at = "", hex = ""] = line.split(" ");
  const bytes = Buffer.from(hex, "hex");
  const ethernet = { at: Number(at), to: formatMac(bytes, 0), from: formatMac(bytes, 6) };
  return { ...ethernet, ...(bytes.readUInt16BE(12) === 0x0806 ? parseArp(bytes) : parseNdp(bytes)) };
}

function parseArp(bytes: Buffer) {
  return {
    form: bytes.readUInt16BE(20) === 1 ? ("request" as const) : ("reply" as const),
    mac: formatMac(bytes, 22),
    source: formatAddress(4, bytes, 28),
    target: formatAddress(4, bytes, 38),
    destination: null,
    flags: "",
  };
}

function parseNdp(bytes: Buffer) {
  const flags = bytes.readUInt8(58);
  const hasLinkLayer = bytes.length >= 86 && (bytes[78] === 1 || bytes[78] === 2);
  return {
    form: bytes[54] === 135 ? ("solicitation" as const) : ("advertisement" as const),
    mac: hasLinkLayer ? formatMac(bytes, 80) : null,
    source: formatAddress(6, bytes, 22),
    target: formatAddress(6, bytes, 62),
    destination: formatAddress(6, bytes, 38),
    flags: bytes[54] === 136 ? ["router", "solicited", "override"].filter((_, i) => (flags << i) & 0x80).join(" ") : "",
  };
}
