/**
 * B7: who gets what, worked out by one node: the whole table from nothing, what one departed member leaves behind, and the plan
 * of balance when one member joins. No network and no kernel: src/core, as every node of a cluster runs it.
 */
import { formatIpv4, parseIpv4 } from "../dist/core/address.js";
import { balance } from "../dist/core/ownership/balance.js";
import { define } from "../dist/core/ownership/definitions.js";
import { Loads } from "../dist/core/ownership/loads.js";
import { place } from "../dist/core/ownership/placement.js";
import { settle } from "../dist/core/ownership/settle.js";
import { assign, EpochCounter, owned } from "../dist/core/ownership/table.js";
import { compare } from "./harness.mjs";

const SIZES = [10_000, 100_000];
const MEMBERS = [3, 32, 64];
const TOPOLOGIES = ["10.0.0.0/9", "10.128.0.0/9"];

export async function benchPlace(_host, { rounds, full }) {
  const results = [];
  for (const count of full ? [...SIZES, 1_000_000] : SIZES) {
    const all = entries(count);
    for (const size of MEMBERS) {
      const members = Array.from({ length: size }, (_, i) => `node${i + 1}`);
      const said = catalogues(members, all);
      const defined = define(said);
      const table = settled(members, defined);
      const sides = [
        { name: "full", run: fullPlacement(members, defined) },
        { name: "one departure", run: departure(members, table) },
        { name: "one join", run: join(members, all, defined) },
        { name: "definitions", run: timed(() => define(said)) },
        { name: "table of announcements", run: settlement(members, defined, table) },
      ];
      results.push(await compare({ bench: "B7", title: `${count} VIPs, ${size} members`, rounds, count, sides }));
    }
  }
  return results;
}

function entries(count) {
  return Array.from({ length: count }, (_, i) => ({
    address: formatIpv4(parseIpv4(i < count / 2 ? "10.0.0.0" : "10.128.0.0") + i),
    names: [`vip-${i}`],
    services: ["multivip"],
    preferences: [],
    failback: "immediate",
    follows: null,
    topology: TOPOLOGIES[i < count / 2 ? 0 : 1],
    policy: "available",
  }));
}

function catalogues(members, all) {
  return new Map(members.map((member) => [member, all]));
}

/** A table in which nobody has anything yet. */
function empty(members, { units }) {
  const epochs = new EpochCounter();
  const { rows } = settle({ vips: new Map(), units }, new Map(), epochs);
  return { units, rows, loads: new Loads(units, rows), able: equals(members), epochs, quorate: true };
}

function equals(members) {
  return new Map(
    members.map((member) => [member, { weight: 1, draining: false, paced: false, damped: false, down: new Set() }]),
  );
}

/** Everything at a home, as placement wants it. */
function settled(members, defined) {
  const table = empty(members, defined);
  for (const { lead, home } of place(table, table.units.keys())) {
    table.loads.change(lead, (row) => assign(row, home, table.epochs) && owned(row, home));
  }
  return table;
}

function timed(work) {
  return async () => {
    const startedAt = performance.now();
    work();
    return performance.now() - startedAt;
  };
}

function fullPlacement(members, defined) {
  const table = empty(members, defined);
  return timed(() => place(table, table.units.keys()));
}

/** The rows stay as they are, and the member is only not able any more, so that every run finds the same. */
function departure(members, table) {
  const able = equals(members.slice(1));
  return timed(() => place({ ...table, able }, table.loads.concerning(members[0])));
}

function join(members, all, { units }) {
  const others = members.slice(1);
  const table = settled(others, define(catalogues(others, all)));
  return timed(() => balance({ ...table, units, able: equals(members) }));
}

/** Each member announces its share. */
function settlement(members, defined, table) {
  const claims = new Map(
    members.map((member) => [
      member,
      table.loads
        .concerning(member)
        .map((address) => ({ address, epoch: 1, releasing: false, pinned: false, pinnedMs: 0 })),
    ]),
  );
  return timed(() => settle(defined, claims, new EpochCounter()));
}
