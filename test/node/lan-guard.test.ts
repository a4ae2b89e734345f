import { afterEach, describe, expect, it, vi } from "vitest";
import type { Link, Sighting } from "../../src/kernel/types.js";
import { LanGuard } from "../../src/node/lan-guard.js";
import type { NodeEvent } from "../../src/node/node.js";

const VIP = "10.1.1.1";
const [OWN, PEER, STRANGER] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"] as const;
const link = (index: number, mac: string): Link => ({
  index,
  name: `eth${index}`,
  altnames: [],
  mac,
  mtu: 1500,
  up: true,
  carrier: true,
  kind: null,
  master: 0,
});
const rival = (mac: string): Sighting => ({ kind: "rival", address: VIP, mac, frames: 1 });
const macOf = (i: number) =>
  `02:01:00:00:${[i >> 8, i & 255].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;

afterEach(() => vi.useRealTimers());

/** A guard that hears what it is told, on vitest's clock; its kernel says which links there are when it is let. */
async function guarded() {
  vi.useFakeTimers();
  const macs: string[] = [OWN];
  const state = { owner: true, estranged: false, members: ["b"], macs };
  const given: string[] = [];
  const defended: string[][] = [];
  const counts = { looks: 0 };
  const events: NodeEvent[] = [];
  const said: (readonly string[])[] = [];
  let hear: (sightings: readonly Sighting[]) => void = () => {};
  let looking: Promise<void> = Promise.resolve();
  const guard = new LanGuard({
    config: { cluster: { conflictAction: "defend", conflictLimit: 3, takeoverProbeMs: 0 } },
    kernel: {
      links: async () => {
        counts.looks++;
        await looking;
        return state.macs.map((mac, i) => link(i + 1, mac));
      },
    },
    plumber: {
      defend: (addresses) => void defended.push([...addresses]),
      hardwareAddressFor: () => OWN,
      hush: () => {},
      listen: async (handler) => void (hear = handler),
      probe: async () => [],
    },
    sink: (event) => void events.push(event),
    defends: () => state.owner,
    estranged: () => state.estranged,
    isMember: (name) => state.members.includes(name),
    say: (macs) => void said.push(macs),
    giveUp: async (addresses) => void given.push(...addresses),
  });
  await guard.start();
  /** The kernel takes its time to list the links. @returns what ends it. */
  const delay = () => {
    let go = () => {};
    looking = new Promise((resolve) => (go = resolve));
    return go;
  };
  const tell = async (...sightings: Sighting[]) => {
    hear(sightings);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { guard, state, counts, defended, given, events, said, delay, tell };
}

describe("the guard of a LAN", () => {
  it("does not defend what the table has given to another while it looked at the links", async () => {
    const { state, defended, events, delay, tell } = await guarded();
    const go = delay();
    await tell(rival(STRANGER));
    state.owner = false;
    go();
    await vi.advanceTimersByTimeAsync(0);
    expect(events.map(({ code }) => code)).toEqual(["vip-rival"]);
    expect(defended).toEqual([]);
  });

  it("does not defend what has gone to another while it waited for the end of an interval", async () => {
    const { state, defended, tell } = await guarded();
    await tell(rival(STRANGER));
    await tell(rival(STRANGER));
    expect(defended).toEqual([[VIP]]);
    state.owner = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(defended).toEqual([[VIP]]);
  });

  it("says of a member that it is one, and has the last word within two seconds and not ten", async () => {
    const { guard, defended, events, tell } = await guarded();
    guard.learn("b", [PEER]);
    await tell(rival(PEER));
    await tell(rival(PEER));
    expect(events[0]).toMatchObject({ code: "vip-rival", facts: { mac: PEER, node: "b", defences: 0 } });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(defended).toEqual([[VIP], [VIP]]);
  });

  it("takes a node that is not in the view for what any other host is, and names it", async () => {
    const { guard, state, defended, events, tell } = await guarded();
    guard.learn("b", [PEER]);
    state.members = [];
    await tell(rival(PEER));
    await tell(rival(PEER));
    await vi.advanceTimersByTimeAsync(9_000);
    expect(events[0]).toMatchObject({ facts: { node: "b", defences: 1 } });
    expect(defended).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(defended).toHaveLength(2);
  });

  it("leaves an address to a refused peer with the lower hardware address, and to no member", async () => {
    const { guard, state, given, defended, tell } = await guarded();
    const lower = "02:00:00:00:00:01";
    await tell(rival(lower));
    expect(given).toEqual([]);
    state.estranged = true;
    await tell(rival(STRANGER));
    expect(given).toEqual([]);
    guard.learn("b", [lower]);
    await tell(rival(lower));
    expect(given).toEqual([]);
    state.members = [];
    defended.length = 0;
    await tell(rival(lower));
    expect({ given, defended }).toEqual({ given: [VIP], defended: [] });
  });

  it("tells of a crowd in one report, with how many there are and a few of them", async () => {
    const { events, tell } = await guarded();
    const crowd = Array.from({ length: 100 }, (_, i) => ({ ...rival(macOf(i)), address: `10.1.1.${i}`, frames: 2 }));
    await tell(...crowd);
    expect(events).toMatchObject([
      {
        code: "vip-rival",
        facts: {
          mac: `${macOf(0)} ${macOf(1)} ${macOf(2)} and 97 more`,
          hosts: 100,
          frames: 200,
          addresses: "10.1.1.0-10.1.1.99",
          defences: 1,
        },
      },
    ]);
  });

  it("names a node also in a crowd", async () => {
    const { guard, events, tell } = await guarded();
    guard.learn("b", [PEER]);
    await tell(rival(PEER), ...Array.from({ length: 9 }, (_, i) => ({ ...rival(macOf(i)), address: `10.1.1.9${i}` })));
    expect(events).toMatchObject([{ facts: { mac: PEER, node: "b" } }, { facts: { hosts: 9 } }]);
  });

  it("keeps what a flood says while the kernel lists the links by address, and asks the kernel once more", async () => {
    const { counts, events, defended, delay, tell } = await guarded();
    const go = delay();
    for (let i = 0; i < 500; i++) await tell(rival(macOf(i)));
    expect(counts.looks, "however many lots came").toBe(1);
    go();
    await vi.waitFor(() => expect(events).toHaveLength(2));
    expect(counts.looks).toBe(2);
    expect(events).toMatchObject([{ facts: { frames: 1 } }, { facts: { frames: 499, mac: macOf(499) } }]);
    expect(defended).toEqual([[VIP]]);
  });

  it("judges thousands of addresses in parts", async () => {
    const { counts, events, tell } = await guarded();
    const address = (i: number) => `10.2.${i >> 8}.${i & 255}`;
    await tell(...Array.from({ length: 2_000 }, (_, i) => ({ ...rival(macOf(i)), address: address(i) })));
    await vi.waitFor(() => expect(events).toHaveLength(4));
    expect(counts.looks).toBe(4);
    const hosts = events.map(({ facts }) => Number(facts["hosts"]));
    expect(Math.max(...hosts)).toBeLessThanOrEqual(512);
    expect(hosts.reduce((sum, some) => sum + some)).toBe(2_000);
  });

  it("lets nothing that it heard before a merge hold it back after it", async () => {
    const { guard, defended, tell } = await guarded();
    await tell(rival(STRANGER));
    guard.hush(true);
    guard.hush(false);
    await tell(rival(STRANGER));
    expect(defended).toHaveLength(2);
  });

  it("tells the others by which hardware addresses this host speaks, when they change", async () => {
    const { guard, state, said } = await guarded();
    await guard.lookAtLinks();
    await guard.lookAtLinks();
    state.macs = [OWN, "00:00:00:00:00:00", "02:00:00:00:00:01"];
    await guard.lookAtLinks();
    expect(said).toEqual([[OWN], ["02:00:00:00:00:01", OWN]]);
  });
});
