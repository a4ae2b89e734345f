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

afterEach(() => vi.useRealTimers());

/** A guard that hears what it is told, on vitest's clock; its kernel says which links there are when it is let. */
async function guarded() {
  vi.useFakeTimers();
  const macs: string[] = [OWN];
  const state = { owner: true, estranged: false, members: ["b"], macs };
  const given: string[] = [];
  const defended: string[][] = [];
  const events: NodeEvent[] = [];
  const said: (readonly string[])[] = [];
  let hear: (sightings: readonly Sighting[]) => void = () => {};
  let looking: Promise<void> = Promise.resolve();
  const guard = new LanGuard({
    config: { cluster: { conflictAction: "defend", conflictLimit: 3, takeoverProbeMs: 0 } },
    kernel: {
      links: async () => {
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
  return { guard, state, defended, given, events, said, delay, tell };
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
