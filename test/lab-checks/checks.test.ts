import { describe, expect, it } from "vitest";
import { checkMail, checkSnapshot } from "../../src/lab/checks.js";
import type { AcceptedMessage, MailRecord, Snapshot } from "../../src/lab/records.js";

const MACS = new Map([
  ["n1", new Map([["eth1", "02:00:00:00:00:01"]])],
  ["n2", new Map([["eth1", "02:00:00:00:00:02"]])],
]);

/** Two nodes, two VIPs: 10.1.1.1 prefers n1 and lives there, 10.1.1.2 lives on n2. */
function settled(change: Partial<Snapshot> = {}): Snapshot {
  const owners = new Map([
    ["10.1.1.1", "n1"],
    ["10.1.1.2", "n2"],
  ]);
  return {
    vips: [
      { address: "10.1.1.1", interface: "eth1", topology: "10.1.1.0/24", preference: "n1", follows: null },
      { address: "10.1.1.2", interface: "eth1", topology: "10.1.1.0/24", preference: null, follows: null },
    ],
    members: ["n1", "n2"],
    memberships: new Map([
      ["n1", ["n1", "n2"]],
      ["n2", ["n1", "n2"]],
    ]),
    owners: new Map([
      ["n1", owners],
      ["n2", owners],
    ]),
    plumbed: new Map([
      ["n1", new Set(["127.0.0.1", "10.1.1.1"])],
      ["n2", new Set(["127.0.0.1", "10.1.1.2"])],
    ]),
    answers: { "10.1.1.1": "n1", "10.1.1.2": "n2" },
    macs: MACS,
    neighbours: new Map([
      [
        "client",
        [
          { address: "10.1.1.1", interface: "eth1", mac: "02:00:00:00:00:01" },
          { address: "10.1.1.2", interface: "eth1", mac: "02:00:00:00:00:02" },
          { address: "10.1.0.2", interface: "eth1", mac: "02:00:00:00:00:02" },
        ],
      ],
    ]),
    ...change,
  };
}

function found(change: Partial<Snapshot>): readonly string[] {
  return checkSnapshot(settled(change)).map((one) => `${one.check} ${one.subject}`);
}

describe("the checks of a settled cluster", () => {
  it("hold where each address has one home that all agree on", () => {
    expect(checkSnapshot(settled())).toEqual([]);
  });

  it("find an address in two kernels", () => {
    const both = new Set(["10.1.1.1", "10.1.1.2"]);
    const plumbed = new Map([
      ["n1", new Set(["10.1.1.1"])],
      ["n2", both],
    ]);
    expect(checkSnapshot(settled({ plumbed }))).toEqual([
      { check: "one-home", subject: "10.1.1.1", expected: "plumbed by n1 alone", seen: "n1, n2" },
    ]);
  });

  it("find an address that its owner has not plumbed", () => {
    const plumbed = new Map([["n1", new Set(["10.1.1.1"])]]);
    expect(found({ plumbed })).toEqual(["one-home 10.1.1.2"]);
  });

  it("find members that name different owners", () => {
    const owners = new Map([
      [
        "n1",
        new Map([
          ["10.1.1.1", "n1"],
          ["10.1.1.2", "n2"],
        ]),
      ],
      [
        "n2",
        new Map([
          ["10.1.1.1", "n1"],
          ["10.1.1.2", "n1"],
        ]),
      ],
    ]);
    expect(found({ owners })).toContain("one-owner 10.1.1.2");
  });

  it("find an owner that is no member", () => {
    expect(found({ members: ["n1"], memberships: new Map([["n1", ["n1"]]]) })).toContain("one-owner 10.1.1.2");
  });

  it("find a member that sees another membership", () => {
    const memberships = new Map([
      ["n1", ["n1", "n2"]],
      ["n2", ["n2"]],
    ]);
    expect(found({ memberships })).toEqual(["one-view n2"]);
  });

  it("find an address that nobody or somebody else answers", () => {
    expect(found({ answers: { "10.1.1.1": "n2" } })).toEqual(["answers-220 10.1.1.1", "answers-220 10.1.1.2"]);
  });

  it("find a bystander's entry that points to another node than the owner", () => {
    const neighbours = new Map([["sink", [{ address: "10.1.1.1", interface: "eth1", mac: "02:00:00:00:00:02" }]]]);
    expect(found({ neighbours })).toEqual(["arp-current 10.1.1.1"]);
  });

  it("find an address that its preferred node did not get back", () => {
    const owners = new Map([
      ["10.1.1.1", "n2"],
      ["10.1.1.2", "n2"],
    ]);
    expect(
      found({
        owners: new Map([
          ["n1", owners],
          ["n2", owners],
        ]),
      }),
    ).toContain("preferred-home 10.1.1.1");
  });

  it("find a member that has more than its share of a Topology", () => {
    const vips = ["10.1.1.1", "10.1.1.2"].map((address) => ({
      address,
      interface: "eth1",
      topology: "10.1.1.0/24",
      preference: null,
      follows: null,
    }));
    const owners = new Map(vips.map(({ address }) => [address, "n2"]));
    expect(
      found({
        vips,
        owners: new Map([
          ["n1", owners],
          ["n2", owners],
        ]),
      }),
    ).toContain("balanced 10.1.1.0/24");
  });

  it("do not hold a preference against a node that is away", () => {
    const owners = new Map([
      [
        "n2",
        new Map([
          ["10.1.1.1", "n2"],
          ["10.1.1.2", "n2"],
        ]),
      ],
    ]);
    const alone = { members: ["n2"], memberships: new Map([["n2", ["n2"]]]), owners };
    expect(found(alone)).not.toContain("preferred-home 10.1.1.1");
  });
});

const ONE: AcceptedMessage = {
  event: "accepted",
  token: "t1",
  listener: "10.1.1.1",
  reply: "250 2.0.0 0ABC queued",
  sources: ["10.1.1.1"],
};
const ARRIVED = { event: "delivered", token: "t1", source: "10.1.1.1", id: "0ABC" } as const;

function mail(change: Partial<MailRecord>): readonly string[] {
  const record = { accepted: [ONE], delivered: [ARRIVED], inDoubt: [], ...change };
  return checkMail(record).map((one) => `${one.check} ${one.subject}`);
}

describe("the checks of the mail", () => {
  it("hold where each message came once, from its binding's address", () => {
    expect(mail({})).toEqual([]);
  });

  it("find a message that never came", () => {
    expect(mail({ delivered: [] })).toEqual(["not-lost t1"]);
  });

  it("find a message that came from another address", () => {
    expect(mail({ delivered: [{ ...ARRIVED, source: "10.1.0.1" }] })).toEqual(["right-source t1"]);
  });

  it("find a message that came twice", () => {
    expect(mail({ delivered: [ARRIVED, ARRIVED] })).toEqual(["not-twice t1"]);
  });

  it("excuse a second copy of a message that its node logged as in doubt, and of no other", () => {
    expect(mail({ delivered: [ARRIVED, ARRIVED], inDoubt: ["0ABC"] })).toEqual([]);
    expect(mail({ delivered: [ARRIVED, ARRIVED], inDoubt: ["0XYZ"] })).toEqual(["not-twice t1"]);
  });

  it("ask nothing of a message that came without a 250, but that it come once", () => {
    expect(mail({ accepted: [], delivered: [ARRIVED] })).toEqual([]);
    expect(mail({ accepted: [], delivered: [ARRIVED, ARRIVED] })).toEqual(["not-twice t1"]);
  });
});
