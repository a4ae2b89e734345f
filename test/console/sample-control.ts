import type { DuravipStatus, MemberStatus, NodeControl } from "../../src/node/control.js";
import { HoldfastError } from "../../src/errors.js";

const vip: DuravipStatus = {
  address: "10.80.116.50",
  bindings: ["bind-a", "bind-b", "bind-c"],
  owner: "labrat-4",
  phase: "idle",
  target: null,
  epoch: 7,
  preferences: [],
  follows: null,
  pinnedTo: null,
  pinnedSeconds: null,
  conflict: false,
  unsafe: false,
  broken: false,
  withheld: false,
  foreign: [],
  trouble: null,
  viewStableSeconds: 5420.7,
  configurationStableSeconds: 5409.2,
  participants: [
    { node: "labrat-2", services: ["multivip"] },
    { node: "labrat-1", services: ["multivip"] },
    { node: "labrat-4", services: ["multivip"] },
  ],
};

const member: MemberStatus = {
  node: "labrat-1",
  version: "0.1.0",
  address: "10.80.116.201:4802",
  incarnation: 22787,
  leader: false,
  self: true,
  troubles: [],
};

/** A node as the console sees one, with every kind of address in it. Any part may be replaced. */
export function sampleControl(parts: Partial<NodeControl> = {}): NodeControl {
  return {
    duravip: () => [
      vip,
      {
        ...vip,
        address: "10.80.116.51",
        bindings: ["bind-d"],
        owner: "labrat-1",
        phase: "releasing",
        target: "labrat-2",
        pinnedTo: "labrat-2",
        pinnedSeconds: 90,
        conflict: true,
        unsafe: true,
        foreign: [{ node: "labrat-4", place: "on eth1, and is removed" }],
        participants: [
          { node: "labrat-2", services: ["multivip", "ESMTP"] },
          { node: "labrat-1", services: ["multivip"] },
        ],
      },
      {
        ...vip,
        address: "2001:db8::25",
        bindings: [],
        owner: null,
        broken: true,
        viewStableSeconds: 0,
        configurationStableSeconds: 0,
        participants: [{ node: "labrat-1", services: ["ESMTP"] }],
      },
    ],
    membership: () => [
      member,
      { ...member, node: "labrat-4", address: "10.80.116.204:4802", incarnation: 20768, leader: true, self: false },
    ],
    info: () => ({
      node: "labrat-1",
      version: "0.1.0",
      clusterGroup: "ec_cluster",
      controlGroup: "ec_console",
      channelPort: 4809,
      leader: "labrat-4",
      viewSeq: 12,
      quorate: true,
      withheld: 0,
      refusedPeers: [],
      uptimeSeconds: 86400.5,
    }),
    queues: async () => [
      { group: "default", binding: "#mmove", domain: "gmail.com", active: 0, delayed: 0 },
      { group: "default", binding: "gmail", domain: "gmail.com", active: 25, delayed: 5 },
      { group: "bulk", binding: "Bulk-1", domain: "example.org", active: 3, delayed: 100_000 },
    ],
    counters: async () => ({ "mail.delivered": 1200, "channel.views": 12 }),
    move: async (wanted, to, forMs) => {
      if (wanted !== vip.address) throw new HoldfastError("ERR_COMMAND", `no VIP is called ${wanted}`);
      return {
        moved: [
          { address: wanted, from: "labrat-4", to },
          { address: "10.80.116.60", from: "labrat-4", to },
        ],
        elapsedMs: 43.2,
        address: wanted,
        to,
        forMs,
        missing: null,
        before: { lead: wanted, owner: "labrat-4", heir: "labrat-4", atRest: true, pin: null },
      };
    },
    unpin: async (wanted) => {
      if (wanted !== vip.address) throw new HoldfastError("ERR_COMMAND", `no VIP is called ${wanted}`);
      return {
        address: wanted,
        moved: [{ address: wanted, from: "labrat-1", to: "labrat-4" }],
        elapsedMs: 43.2,
        before: { lead: wanted, owner: "labrat-1", heir: "labrat-1", atRest: true, pin: "labrat-1" },
        owner: "labrat-4",
      };
    },
    calm: async (node) => ({ node, wasDamped: node === "labrat-4" }),
    drain: async (on) => ({
      moved: on ? [{ address: "10.80.116.52", from: "labrat-1", to: "labrat-4" }] : [],
      elapsedMs: 12.3,
      changed: true,
      left: on ? 2 : 7,
    }),
    explain: (wanted) => {
      if (wanted !== vip.address) throw new HoldfastError("ERR_COMMAND", `no VIP is called ${wanted}`);
      return {
        address: wanted,
        lead: "10.80.116.40",
        home: "labrat-4",
        phase: "idle",
        rule: "stays",
        because: "labrat-4 got it by load, and nothing calls it away",
        candidates: [
          {
            node: "labrat-1",
            within: 5,
            total: 12,
            weight: 100,
            damped: false,
            doubtful: true,
            damping: null,
            out: "is leaving",
          },
          {
            node: "labrat-4",
            within: 4,
            total: 11,
            weight: 200,
            damped: true,
            doubtful: false,
            out: null,
            damping: { calmMs: 400_000, regainsMs: 100_000 },
          },
        ],
        otherwise: ["Without labrat-4 it would go to nobody."],
      };
    },
    plan: ({ kind }) => ({
      moves: [
        { address: "10.80.116.50", from: "labrat-4", to: "labrat-1" },
        { address: "10.80.116.51", from: "labrat-4", to: null },
      ],
      loads: [
        { node: "labrat-1", before: 12, after: 13 },
        { node: "labrat-4", before: 11, after: 0 },
      ],
      rounds: kind === "join" ? 2 : 0,
    }),
    ...parts,
  };
}

/** A node that manages `count` VIPs. */
export function crowdedControl(count: number): NodeControl {
  const vips = Array.from({ length: count }, (_, at) => ({
    ...vip,
    address: `10.${80 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`,
  }));
  return sampleControl({ duravip: () => vips });
}
