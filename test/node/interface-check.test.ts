import { afterEach, describe, expect, it, vi } from "vitest";
import { Hands } from "../../src/core/ownership/hands.js";
import { HOLDFAST_PROTOCOL } from "../../src/kernel/index.js";
import type { FoundAddress, FoundAddresses, KernelChanges, KillResult, PlumbResult } from "../../src/kernel/types.js";
import { InterfaceCheck } from "../../src/node/interface-check.js";

const NEVER_MS = 0x7fff_ffff;
const PATIENTLY = { timeout: 20_000 };

function found(address: string, protocol: number): FoundAddress {
  return { address, prefix: 32, ifindex: 3, plumbing: "address", protocol, alias: true };
}

/** As a dump: what it found does not change any more. */
function dumpOf(there: readonly FoundAddress[]): FoundAddresses {
  const found = [...there];
  return {
    length: found.length,
    [Symbol.iterator]: () => found.values(),
    slices: async function* () {
      yield found;
    },
  };
}

const ours = (address: string) => found(address, HOLDFAST_PROTOCOL);

const changes = (some: Partial<KernelChanges>): KernelChanges => ({
  removed: [],
  added: [],
  links: [],
  neighbours: [],
  resynced: false,
  ...some,
});

/** A check over a kernel that has `there`, of a node that holds `held`, and which is done only when the kernel tells. */
async function checkOver(held: readonly string[], there: FoundAddress[], keepsTags = true) {
  const hands = new Hands();
  for (const address of held) hands.acquired(address);
  let tell: (changes: KernelChanges) => void = () => {};
  const kernel = {
    protocol: HOLDFAST_PROTOCOL,
    keepsTags: async () => keepsTags,
    addresses: vi.fn(async () => dumpOf(there)),
    removeFound: async (gone: readonly FoundAddress[]): Promise<PlumbResult> => {
      for (const one of gone) there.splice(there.indexOf(one), 1);
      return { statuses: new Int32Array(gone.length), texts: new Map() };
    },
    killSockets: vi.fn(async (_addresses: readonly string[]): Promise<KillResult> => ({ closed: 0, failures: [] })),
    watch: async (handler: (changes: KernelChanges) => void) => {
      tell = handler;
      return { has: () => false, close: async () => {} };
    },
  };
  const lost: string[] = [];
  const removed: string[] = [];
  const links: string[] = [];
  const foreign: string[][] = [];
  const check = new InterfaceCheck(kernel, NEVER_MS, hands, {
    lost: (addresses) => lost.push(...addresses),
    removed: (addresses) => removed.push(...addresses),
    links: () => links.push("told"),
    failed: (error) => expect.unreachable(String(error)),
    event: () => {},
    foreign: {
      isManaged: (address) => address.startsWith("10.1.1."),
      look: async (some) => void foreign.push(some.map(({ address }) => address)),
    },
  });
  await check.start();
  running = check;
  return { kernel, lost, removed, links, foreign, tell: (some: Partial<KernelChanges>) => tell(changes(some)) };
}

let running: InterfaceCheck | null = null;
afterEach(() => running?.stop());

describe("what the kernel tells", () => {
  it("of a link is passed on, and is no reason to look at addresses", async () => {
    const { kernel, links, tell } = await checkOver(["10.1.1.1"], []);
    tell({ links: [{ before: null, after: null }] });
    tell({ added: [] });
    expect(links).toEqual(["told"]);
    expect(kernel.addresses).not.toHaveBeenCalled();
  });

  it("brings about a check when an address went that is held", async () => {
    const { lost, tell } = await checkOver(["10.1.1.1", "10.1.1.2"], [ours("10.1.1.2")]);
    tell({ removed: [ours("10.1.1.1")] });
    await vi.waitFor(() => expect(lost).toEqual(["10.1.1.1"]), PATIENTLY);
  });

  it("brings about a check when one with our tag came that nobody here holds", async () => {
    const { removed, lost, tell } = await checkOver(["10.1.1.1"], [ours("10.1.1.1"), ours("10.1.1.7")]);
    tell({ added: [ours("10.1.1.7")] });
    await vi.waitFor(() => expect(removed).toEqual(["10.1.1.7"]), PATIENTLY);
    expect(lost).toEqual([]);
  });

  it("closes the sockets on a stray, unless the host has that address by itself as well", async () => {
    const there = [ours("10.1.1.7"), ours("10.1.1.8"), { ...found("10.1.1.8", 0), ifindex: 4, alias: false }];
    const { kernel, removed, tell } = await checkOver([], there);
    tell({ added: [ours("10.1.1.7")] });
    await vi.waitFor(() => expect(removed).toEqual(["10.1.1.7", "10.1.1.8"]), PATIENTLY);
    expect(kernel.killSockets.mock.calls).toEqual([[["10.1.1.7"]]]);
  });

  it("brings about one check, however much comes at once", async () => {
    const { kernel, lost, tell } = await checkOver(["10.1.1.1", "10.1.1.2"], []);
    tell({ removed: [ours("10.1.1.1")] });
    tell({ removed: [ours("10.1.1.2")] });
    await vi.waitFor(() => expect(lost).toEqual(["10.1.1.1", "10.1.1.2"]), PATIENTLY);
    expect(kernel.addresses).toHaveBeenCalledTimes(1);
  });

  it("brings about none when it is about other programs' addresses", async () => {
    const { kernel, lost, tell } = await checkOver(["10.1.1.1"], []);
    tell({ removed: [found("10.9.9.9", 0)], added: [found("10.9.9.8", 18)] });
    expect(kernel.addresses).not.toHaveBeenCalled();
    tell({ removed: [ours("10.1.1.1")] });
    await vi.waitFor(() => expect(lost).toEqual(["10.1.1.1"]), PATIENTLY);
    expect(kernel.addresses).toHaveBeenCalledTimes(1);
  });
});

describe("an address that is held", () => {
  const there = [found("10.1.1.1", 0), found("10.1.1.2", 18), { ...found("10.1.1.3", 0), alias: false }];
  const held = ["10.1.1.1", "10.1.1.2", "10.1.1.3"];

  it("is there also without a tag, on a kernel that keeps none, and not as another program's", async () => {
    const { lost, removed, foreign, tell } = await checkOver(held, [...there], false);
    tell({ removed: [ours("10.1.1.2")] });
    await vi.waitFor(() => expect(lost).toEqual(["10.1.1.2", "10.1.1.3"]), PATIENTLY);
    expect(removed).toEqual([]);
    expect(foreign).toEqual([["10.1.1.2", "10.1.1.3"]]);
  });

  it("is not there without a tag, on a kernel that keeps tags", async () => {
    const { lost, foreign, tell } = await checkOver(held, [...there]);
    tell({ removed: [ours("10.1.1.2")] });
    await vi.waitFor(() => expect(lost).toEqual(held), PATIENTLY);
    expect(foreign).toEqual([held]);
  });
});

describe("a managed address that others have put there", () => {
  it.each([
    ["comes", "added"],
    ["goes", "removed"],
  ] as const)("brings about a look when it %s, by itself or beside ours", async (_, list) => {
    const beside = { ...found("10.1.1.1", 0), ifindex: 4 };
    const { foreign, lost, tell } = await checkOver(["10.1.1.1"], [ours("10.1.1.1"), beside]);
    tell({ [list]: [beside] });
    await vi.waitFor(() => expect(foreign).toEqual([["10.1.1.1"]]), PATIENTLY);
    expect(lost).toEqual([]);
  });
});
