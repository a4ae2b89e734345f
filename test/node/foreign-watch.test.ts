import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Entry } from "../../src/core/catalogue/catalogue.js";
import type { ForeignGroup } from "../../src/core/wire/foreign.js";
import { HOLDFAST_PROTOCOL } from "../../src/kernel/index.js";
import type { AddressUse, FoundAddress, FoundAddresses, Link } from "../../src/kernel/types.js";
import { findLeftovers } from "../../src/node/clean-slate.js";
import { ForeignWatch } from "../../src/node/foreign-watch.js";
import { PlumbedRecord } from "../../src/node/plumbed-record.js";

const ETH1 = 3;
const ETH2 = 4;
const PLACE = { ifindex: ETH1, prefix: 32 };
const PLACES = new Map(["10.1.1.1", "10.1.1.2", "fd00::1"].map((address) => [address, PLACE]));

function found(address: string, more: Partial<FoundAddress> = {}): FoundAddress {
  return { address, prefix: 32, ifindex: ETH1, plumbing: "address", protocol: 0, alias: true, ...more };
}

const OWN = found("10.1.0.9", { prefix: 16, alias: false });
const OWN6 = found("fd00::9", { prefix: 64, alias: false });

function dumpOf(all: readonly FoundAddress[]): FoundAddresses {
  return {
    length: all.length,
    [Symbol.iterator]: () => all.values(),
    slices: async function* () {
      yield all;
    },
  };
}

function link(index: number, name: string): Link {
  const plain = { altnames: [], mac: null, mtu: 1500, up: true, carrier: true, kind: null, master: 0 };
  return { index, name, ...plain };
}

/** @param uses what stands on addresses. */
function watchOver(uses: readonly AddressUse[] = []) {
  const said: (readonly ForeignGroup[])[] = [];
  const removed: string[] = [];
  const kernel = {
    protocol: HOLDFAST_PROTOCOL,
    links: async () => [link(ETH1, "eth1"), link(ETH2, "eth2")],
    uses: vi.fn(async () => uses),
    removeOthers: async (places: readonly FoundAddress[]) => {
      removed.push(...places.map(({ address }) => address));
      return { statuses: new Int32Array(places.length), texts: new Map<number, string>() };
    },
    killSockets: async () => ({ closed: 0, failures: [] }),
  };
  const watch = new ForeignWatch({
    kernel,
    places: () => PLACES,
    isManaged: (address) => PLACES.has(address) || address === "10.1.1.99",
    say: (groups) => said.push(groups),
    sink: ({ code, facts }) => expect(code, JSON.stringify(facts)).not.toBe("interface-check-failed"),
  });
  const look = (foreign: readonly FoundAddress[], others: readonly FoundAddress[] = [OWN, OWN6]) =>
    watch.look(foreign, dumpOf([...others, ...foreign]));
  return { watch, look, said, removed, kernel };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

describe("an address by another hand", () => {
  it.each<[string, FoundAddress, readonly FoundAddress[], readonly AddressUse[]]>([
    ["the only address of that interface", found("10.1.1.1"), [found("10.3.0.1", { ifindex: ETH2 })], []],
    ["the only address of that interface", found("fd00::1", { prefix: 128 }), [OWN, found("fe80::1")], []],
    // Beside ours, and beside one that is in doubt as well.
    ["the only address of that interface", found("10.1.1.1"), [found("10.1.1.2", { protocol: HOLDFAST_PROTOCOL })], []],
    ["the only address of that interface", found("10.1.1.1"), [found("10.1.1.2")], []],
    [
      "the source of a route",
      found("10.1.1.1"),
      [OWN],
      [{ kind: "route", address: "10.1.1.1", isDefault: false, ifindex: 9 }],
    ],
    [
      "in use by another program (tcp port 143)",
      found("10.1.1.1"),
      [OWN],
      [{ kind: "socket", address: "10.1.1.1", protocol: "tcp", port: 143 }],
    ],
    ["on another interface than its Topology's", found("10.1.1.1", { ifindex: ETH2 }), [OWN], []],
    ["another program's (protocol 18)", found("10.1.1.1", { protocol: 18 }), [OWN], []],
    [
      "another program's local route (protocol 186)",
      found("10.1.1.1", { protocol: 186, plumbing: "route", alias: false }),
      [OWN],
      [],
    ],
    ["not configured here, so it is left alone", found("10.1.1.99"), [OWN], []],
    [
      "an address of the interface, and no alias (it has a lifetime, a peer or a network)",
      found("10.1.1.1", { alias: false }),
      [OWN],
      [],
    ],
  ])("stays where it is %s, and is in the way", async (stays, one, others, uses) => {
    const { watch, look, said, removed } = watchOver(uses);
    await look([one], others);
    expect(removed).toEqual([]);
    expect(said).toMatchObject([[{ stays, addresses: [one.address] }]]);
    expect(watch.obstacle(one.address)).toContain("is not from holdfast");
  });

  it("is removed, alias and route of any family, and told before and after", async () => {
    const { watch, look, said, removed } = watchOver();
    const route = found("10.1.1.2", { protocol: 3, plumbing: "route", alias: false });
    await look([found("10.1.1.1"), route, found("fd00::1", { prefix: 128 })]);
    expect(removed).toEqual(["10.1.1.1", "10.1.1.2", "fd00::1"]);
    expect(watch.obstacle("10.1.1.1")).toBeNull();
    expect(said).toEqual([
      [
        { where: "eth1", stays: "", addresses: ["10.1.1.1", "fd00::1"] },
        { where: "route by eth1", stays: "", addresses: ["10.1.1.2"] },
      ],
    ]);
    vi.advanceTimersByTime(1_000);
    expect(said.slice(1)).toEqual([[]]);
    expect(watch.counters).toEqual({ standing: 0, removed: 3 });
  });

  it("is told once, and at most once a second, however often somebody looks or it changes", async () => {
    const { look, said, kernel } = watchOver();
    const stays = found("10.1.1.1", { ifindex: ETH2 });
    for (let i = 0; i < 10; i++) await look([stays]);
    expect(said).toHaveLength(1);
    for (let i = 0; i < 10; i++) {
      await look([]);
      await look([stays]);
    }
    expect(said).toHaveLength(1);
    await look([]);
    vi.advanceTimersByTime(1_000);
    expect(said).toHaveLength(2);
    expect(said[1]).toEqual([]);
    kernel.uses.mockClear();
    await look([]);
    expect(kernel.uses).not.toHaveBeenCalled();
  });

  it("stays once it was removed three times within a minute, and is removed again later", async () => {
    const { watch, look, removed } = watchOver();
    for (let i = 0; i < 5; i++) await look([found("10.1.1.1")]);
    expect(removed).toHaveLength(3);
    expect(watch.obstacle("10.1.1.1")).toContain("put back by something each time that it is removed");
    vi.advanceTimersByTime(60_001);
    await look([found("10.1.1.1")]);
    expect(removed).toHaveLength(4);
  });
});

describe("on a kernel that keeps no tags", () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "holdfast-record-"))));
  afterEach(() => rm(folder, { recursive: true }));

  const ENTRIES = ["10.1.1.1", "10.1.1.2"].map((address): Entry => {
    const plain = { names: [], services: [], preferences: [], follows: null };
    return { address, ...plain, topology: "10.1.1.0/24", policy: "available", failback: "immediate" };
  });

  async function leftovers(there: readonly FoundAddress[], record: PlumbedRecord, uses: readonly AddressUse[] = []) {
    const { kernel } = watchOver(uses);
    const asked = { ...kernel, addresses: async () => dumpOf(there) };
    return findLeftovers(asked, { vipPlaces: () => PLACES }, ENTRIES, record);
  }

  it("what an earlier run put down is a leftover, unless it is the host's by now; what it did not is the host's", async () => {
    const first = await PlumbedRecord.open(folder, "boot net");
    await first.add(new Map([["10.1.1.1", PLACE]]));
    expect(first.had(found("10.1.1.1"))).toBe(false); // Of an earlier run, and not of this one.
    const record = await PlumbedRecord.open(folder, "boot net");
    expect((await leftovers([OWN, found("10.1.1.1")], record)).addresses).toEqual(["10.1.1.1"]);

    const refused = { code: "ERR_HOST_ADDRESS" };
    await expect(leftovers([OWN, found("10.1.1.2")], record)).rejects.toMatchObject(refused);
    await expect(leftovers([found("10.1.1.1")], record)).rejects.toMatchObject(refused);
    const use: AddressUse = { kind: "route", address: "10.1.1.1", isDefault: true, ifindex: ETH1 };
    await expect(leftovers([OWN, found("10.1.1.1")], record, [use])).rejects.toMatchObject(refused);
  });

  it("a record of another boot or namespace, or one that is broken, is none", async () => {
    await (await PlumbedRecord.open(folder, "boot net")).add(new Map([["10.1.1.1", PLACE]]));
    expect((await PlumbedRecord.open(folder, "other net")).had(found("10.1.1.1"))).toBe(false);
    const file = join(folder, "plumbed.json");
    await writeFile(file, (await readFile(file, "utf8")).slice(0, -5));
    expect((await PlumbedRecord.open(folder, "boot net")).had(found("10.1.1.1"))).toBe(false);
  });
});
