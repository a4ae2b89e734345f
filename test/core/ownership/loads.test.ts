import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../src/core/catalogue/catalogue.js";
import { define } from "../../../src/core/ownership/definitions.js";
import { Loads } from "../../../src/core/ownership/loads.js";
import {
  assign,
  depart,
  emptyRow,
  EpochCounter,
  names,
  owned,
  ready,
  refused,
  released,
  type Row,
} from "../../../src/core/ownership/table.js";

const MEMBERS = ["a", "b", "c"];
const TOPOLOGIES = ["10.1.0.0/24", "10.2.0.0/24"];
const LEADS = Array.from({ length: 8 }, (_, i) => `10.${1 + (i % 2)}.0.${i}`);

const units = define(
  new Map(
    MEMBERS.map((member) => [
      member,
      LEADS.map((address, i): Entry => {
        const topology = TOPOLOGIES[i % 2] ?? "";
        return {
          address,
          names: [address],
          services: [],
          preferences: [],
          follows: null,
          topology,
          policy: "available",
          failback: "immediate",
        };
      }),
    ]),
  ),
).units;

/** What can happen to one row. */
const happening = fc.record({
  lead: fc.constantFrom(...LEADS),
  what: fc.constantFrom("assign", "unassign", "owned", "released", "refused", "ready", "pin", "depart"),
  member: fc.constantFrom(...MEMBERS),
});

function happen(row: Row, what: string, member: string, epochs: EpochCounter): boolean {
  switch (what) {
    case "assign":
      return assign(row, member, epochs);
    case "unassign":
      return assign(row, null, epochs);
    case "owned":
      return owned(row, member);
    case "released":
      return released(row, member, epochs);
    case "refused":
      return refused(row, member);
    case "ready":
      return ready(row, member);
    case "pin":
      row.pin = member;
      return true;
    default:
      return depart(row, member, epochs);
  }
}

describe("loads", () => {
  it("that are kept along with each change are those that a count finds", () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 200 }), (happenings) => {
        const rows = new Map(LEADS.map((lead) => [lead, emptyRow()]));
        const kept = new Loads(units, rows);
        const epochs = new EpochCounter();
        for (const { lead, what, member } of happenings) kept.change(lead, (row) => happen(row, what, member, epochs));
        const counted = new Loads(units, rows);
        expect(kept.moving).toEqual(counted.moving);
        for (const member of MEMBERS) {
          for (const topology of TOPOLOGIES)
            expect(kept.within(member, topology)).toBe(counted.within(member, topology));
          const concerned = [...rows].filter(([, row]) => names(row, member)).map(([lead]) => lead);
          expect([...kept.concerning(member)].sort()).toEqual(concerned.sort());
        }
      }),
    );
  });
});
