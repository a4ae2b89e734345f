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
    for (const size of MEMBERS) {
      const members = Array.from({ length: size }, (_, i) => `node${i + 1}`);
      const sides = [
        { name: "full", run: fullPlacement(members, count) },
        { name: "one departure", run: departure(members, count) },
        { name: "one join", run: join(members, count) },
        { name: "definitions", run: definitions(members, count) },
        { name: "table of announcements", run: settlement(members, count) },
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

function catalogues(members, count) {
  const all = entries(count);
  return new Map(members.map((member) => [member, all]));
}

/** A table in which nobody has anything yet. */
function empty(members, count) {
  const epochs = new EpochCounter();
  const { units } = define(catalogues(members, count));
  const { rows } = settle({ vips: new Map(), units }, new Map(), epochs);
  return { units, rows, loads: new Loads(units, rows), able: equals(members), epochs, quorate: true };
}

function equals(members) {
  return new Map(
    members.map((member) => [member, { weight: 1, draining: false, paced: false, damped: false, down: new Set() }]),
  );
}

/** Everything at a home, as placement wants it. */
function settled(members, count) {
  const table = empty(members, count);
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

function fullPlacement(members, count) {
  const table = empty(members, count);
  return timed(() => place(table, table.units.keys()));
}

/** The rows stay as they are, and the member is only not able any more, so that every run finds the same. */
function departure(members, count) {
  const table = settled(members, count);
  const able = equals(members.slice(1));
  return timed(() => place({ ...table, able }, table.loads.concerning(members[0])));
}

function join(members, count) {
  const table = settled(members.slice(1), count);
  const { units } = define(catalogues(members, count));
  return timed(() => balance({ ...table, units, able: equals(members) }));
}

function definitions(members, count) {
  const said = catalogues(members, count);
  return timed(() => define(said));
}

/** Each member announces its share. */
function settlement(members, count) {
  const table = settled(members, count);
  const defined = define(catalogues(members, count));
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
