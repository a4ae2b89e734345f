/**
 * What this daemon plumbs, put down in a file of the spool where the kernel keeps no tags on addresses (before 5.18):
 * there nothing else tells an alias of a run that was killed from one that an administrator put. Each address stands in
 * it before it is in the kernel. A record of another boot or another network namespace is about addresses that are
 * gone, and is no record; so nothing is synced to the disk.
 */
import { mkdir, readFile, readlink, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AddressRange, addressesIn, toRanges } from "../core/address.js";
import type { FoundAddress, VipPlace } from "../kernel/index.js";

interface Recorded {
  readonly ifindex: number;
  readonly prefix: number;
  readonly ranges: readonly AddressRange[];
}

export class PlumbedRecord {
  /** By place. */
  readonly #plumbed = new Map<string, Set<string>>();
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly folder: string,
    private readonly where: string,
    private readonly before: ReadonlyMap<string, ReadonlySet<string>>,
  ) {}

  /** @param folder that of the spool; made if need be. A record that cannot be read is none: what it knew stays the
   * host's. */
  static async open(folder: string, where: string): Promise<PlumbedRecord> {
    return new PlumbedRecord(folder, where, await readRecord(folder, where));
  }

  /** Whether an earlier run plumbed it at this place. */
  had({ address, plumbing, ifindex, prefix }: FoundAddress): boolean {
    return plumbing === "address" && this.before.get(`${ifindex}/${prefix}`)?.has(address) === true;
  }

  /** About to be plumbed. Nothing is forgotten before the next run. @throws what the file system throws. */
  async add(places: ReadonlyMap<string, VipPlace>): Promise<void> {
    let isNew = false;
    for (const [address, { ifindex, prefix }] of places) {
      const key = `${ifindex}/${prefix}`;
      const some = this.#plumbed.get(key) ?? new Set();
      isNew ||= !some.has(address);
      this.#plumbed.set(key, some.add(address));
    }
    if (!isNew) return;
    this.#writing = this.#writing.catch(() => {}).then(() => this.#write());
    await this.#writing;
  }

  async #write(): Promise<void> {
    const plumbed = [...this.#plumbed].map(([key, addresses]): Recorded => {
      const [ifindex = 0, prefix = 0] = key.split("/").map(Number);
      return { ifindex, prefix, ranges: [...toRanges(addresses)] };
    });
    const file = fileIn(this.folder);
    await mkdir(this.folder, { recursive: true });
    await writeFile(`${file}.new`, JSON.stringify({ where: this.where, plumbed }), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
}

/** Of this boot and this network namespace: interfaces are numbered anew in each. */
export async function bootAndNamespace(): Promise<string> {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
  return `${boot.trim()} ${await readlink("/proc/self/ns/net")}`;
}

function fileIn(folder: string): string {
  return join(folder, "plumbed.json");
}

async function readRecord(folder: string, where: string): Promise<Map<string, Set<string>>> {
  const before = new Map<string, Set<string>>();
  try {
    const record: { where: string; plumbed: Recorded[] } = JSON.parse(await readFile(fileIn(folder), "utf8"));
    if (record.where !== where) return before;
    for (const { ifindex, prefix, ranges } of record.plumbed)
      before.set(`${ifindex}/${prefix}`, new Set(addressesIn(ranges)));
  } catch {
    before.clear(); // None, or broken: then nothing untagged is taken for ours.
  }
  return before;
}
