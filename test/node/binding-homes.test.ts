import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/index.js";
import type { Config } from "../../src/config/types.js";
import type { Member } from "../../src/core/ownership/ownership.js";
import { BindingHomes } from "../../src/node/binding-homes.js";

describe("where bindings live", () => {
  it("names every binding on an address that changed its owner, with the owner's door for moved mail", () => {
    const homes = new BindingHomes(config());
    expect(homes.tell([{ address: "10.1.1.1", owner: "n2", epoch: 7 }], members())).toEqual([
      { binding: "a", node: "n2", epoch: 7, endpoint: { host: "10.9.0.2", port: 4802 } },
      { binding: "also-a", node: "n2", epoch: 7, endpoint: { host: "10.9.0.2", port: 4802 } },
    ]);
  });

  it("gives this node, and nobody, no door", () => {
    const homes = new BindingHomes(config());
    const told = homes.tell(
      [
        { address: "10.1.1.1", owner: "n1", epoch: 8 },
        { address: "10.1.1.2", owner: null, epoch: 9 },
      ],
      members(),
    );
    expect(told.map(({ binding, node, endpoint }) => [binding, node, endpoint])).toEqual([
      ["a", "n1", null],
      ["also-a", "n1", null],
      ["b", null, null],
    ]);
  });

  it("says nothing of addresses that only listeners have", () => {
    expect(new BindingHomes(config()).tell([{ address: "10.1.1.9", owner: "n2", epoch: 7 }], members())).toEqual([]);
  });

  it("knows the address of a binding by its exact name", () => {
    const homes = new BindingHomes(config());
    expect([homes.addressOf("b"), homes.addressOf("B"), homes.addressOf("plain")]).toEqual([
      "10.1.1.2",
      undefined,
      undefined,
    ]);
  });
});

function members(): Map<string, Member> {
  const announcement = {
    incarnation: 1,
    version: "0.1.0",
    endpoint: { host: "10.9.0.2", port: 4802 },
    mature: true,
    leaving: false,
    balanceSetSize: 0,
    weight: 100,
    leaseMs: 2_000,
    fenceMs: 0,
    health: { draining: false, paced: false, down: [] },
    flaps: [],
    entries: [],
    claims: [],
    doubts: [],
  };
  return new Map([
    ["n2", { announcement, mature: true, leaving: false, damped: false, regains: false, health: announcement.health }],
  ]);
}

function config(): Config {
  const text = `
    cluster { key_file = "/etc/holdfast/cluster.key"  Topology "10.1.1.0/24" { interface = eth1 } }
    msgc_server { peers = [ n1 = "10.9.0.1" n2 = "10.9.0.2" ] }
    ESMTP_Listener { Listen "10.1.1.9:25" { Enable_Duravip = true } }
    Binding "a" { Enable_Duravip = true  Bind_Address = "10.1.1.1" }
    Binding "also-a" { Enable_Duravip = true  Bind_Address = "10.1.1.1" }
    Binding "b" { Enable_Duravip = true  Bind_Address = "10.1.1.2" }
    Binding "plain" { Bind_Address = "10.1.0.77" }
  `;
  const reader = { readFile: (path: string) => (path === "/t.conf" ? text : null), readDirectory: () => null };
  const { config, diagnostics } = parseConfig("/t.conf", { reader, nodename: "n1" });
  if (config === null) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return config;
}
