import { describe, expect, it } from "vitest";
import { ForeignAddresses } from "../../src/core/foreign.js";
import { decodeMessage, encodeMessage } from "../../src/core/wire/messages.js";
import { type ForeignGroup, MAX_GROUPS } from "../../src/core/wire/foreign.js";

const group = (where: string, stays: string, ...addresses: string[]): ForeignGroup => ({ where, stays, addresses });

describe("what a member says of managed addresses by another hand", () => {
  it("goes over the wire as it is, of both families, and as nothing", () => {
    for (const groups of [
      [],
      [group("eth1", "", "10.1.1.1", "10.1.1.2"), group("route by lo", "in use by another program", "fd00::1")],
    ]) {
      const bytes = encodeMessage({ kind: "foreign", groups });
      expect(bytes[0]).toBe(21);
      expect(decodeMessage(bytes)).toEqual({ kind: "foreign", groups });
    }
  });

  it("is cut to what others read", () => {
    const long = group("x".repeat(500), "é".repeat(500), "10.1.1.1");
    const groups = Array.from({ length: MAX_GROUPS + 1 }, () => long);
    const message = decodeMessage(encodeMessage({ kind: "foreign", groups }));
    expect(message).toMatchObject({ kind: "foreign", groups: { length: MAX_GROUPS } });
  });

  it("is told as it changes, and not again", () => {
    const foreign = new ForeignAddresses();
    const first = [group("eth1", "", "10.1.1.1", "10.1.1.2")];
    expect(foreign.hear("a", first)).toEqual({ came: first, gone: [] });
    expect(foreign.hear("a", first)).toEqual({ came: [], gone: [] });
    const second = [group("eth1", "", "10.1.1.2"), group("lo", "there", "10.1.1.3")];
    expect(foreign.hear("a", second)).toEqual({ came: [group("lo", "there", "10.1.1.3")], gone: ["10.1.1.1"] });
    const stays = [group("eth1", "there", "10.1.1.2")];
    expect(foreign.hear("a", stays)).toEqual({ came: stays, gone: ["10.1.1.3"] });
    expect(foreign.hear("a", [])).toEqual({ came: [], gone: ["10.1.1.2"] });
  });

  it("counts for each member by itself, as long as it is there", () => {
    const foreign = new ForeignAddresses();
    foreign.hear("a", [group("eth1", "", "10.1.1.1")]);
    foreign.hear("b", [group("eth2", "there", "10.1.1.1")]);
    expect(foreign.copiesOf("10.1.1.1").map(({ node }) => node)).toEqual(["a", "b"]);
    expect(foreign.obstacleAt("a", ["10.1.1.1"])).toBeNull();
    expect(foreign.obstacleAt("b", ["10.1.1.2", "10.1.1.1"])).toContain("10.1.1.1 already, not from the cluster");
    foreign.keep(["a"]);
    expect(foreign.copiesOf("10.1.1.1").map(({ node }) => node)).toEqual(["a"]);
  });
});
