import { describe, expect, it } from "vitest";
import type { Config } from "../../src/config/index.js";
import { AROUND_EVERYTHING, broken, CHAPTER, EVERYTHING, findings, parse } from "./texts.js";

const KEY = "cluster { key_file = /etc/holdfast/cluster.key }\n";
const PEERS = "msgc_server { peers = [ nodename = 192.168.0.10 other = 192.168.0.11 ] }\n";
const TOPOLOGY_2 = 'cluster { Topology "10.2.1.0/24" { interface = eth2 } }\n';

function valid(text: string, files: Readonly<Record<string, string>> = {}, nodename = "node1"): Config {
  const result = parse(text, files, nodename);
  if (result.config === null) throw new Error(findings(result).join("\n"));
  return result.config;
}

describe("an example of the DuraVIP chapter", () => {
  it("about topology hints parses", () => {
    const { topologies } = valid(CHAPTER.topology);
    expect(topologies).toMatchObject([
      {
        block: "10.1.1.0/24",
        interface: "eth1",
        cidrmask: 32,
        plumbing: "address",
        lifeline: false,
        sourceHygiene: true,
        dad: false,
      },
    ]);
  });

  it("about listeners and bindings gives two VIPs that serve both", () => {
    const { bindings, listens } = valid(CHAPTER.topology + CHAPTER.listenersAndBindings);
    expect(bindings.filter(({ duravip }) => duravip.enabled).map(({ name, address }) => [name, address])).toEqual([
      ["duravip-1", "10.1.1.1"],
      ["duravip-2", "10.1.1.2"],
    ]);
    expect(listens.map(({ endpoint, duravip }) => [endpoint.host, duravip.enabled, duravip.upgraded])).toEqual([
      ["10.1.1.1", true, false],
      ["10.1.1.2", true, false],
    ]);
  });

  it("about preferences parses, with enable and preference on one listener, and without complaint", () => {
    const text = KEY + PEERS + CHAPTER.topology + CHAPTER.preference;
    const { bindings, listens } = valid(text, {}, "nodename");
    expect(bindings.find(({ name }) => name === "foo")?.duravip.preferences).toEqual(["nodename"]);
    expect(listens[0]?.duravip.preferences).toEqual(["nodename"]);
    expect(findings(parse(text, {}, "nodename"))).toEqual([]);
  });

  it("about following makes the listener's address stay with the binding's", () => {
    const { listens } = valid(TOPOLOGY_2 + CHAPTER.topology + CHAPTER.follow);
    expect(listens).toMatchObject([
      {
        endpoint: { host: "10.1.1.1", port: 25 },
        duravip: { enabled: false, upgraded: false },
        follow: { target: "bindingname", binding: "bindingname", address: "10.2.1.1" },
      },
    ]);
  });

  it("about following an address that is the listener's own is refused", () => {
    const topology = 'cluster { Topology "10.110.83.0/24" { interface = eth1 } }\n';
    const listener = `ESMTP_Listener {${CHAPTER.followSameAddress}}`;
    expect(broken(topology + listener + CHAPTER.sameAddressBinding)).toContain("error follow-same-address");
  });

  it("about conflicting services is legal on each node by itself", () => {
    const topology = 'cluster { Topology "192.168.0.0/24" { interface = eth1 } }\n';
    for (const text of [CHAPTER.servicesOfNode1, CHAPTER.servicesOfNode2]) {
      expect(findings(parse(topology + text))).toEqual([]);
    }
  });
});

describe("a text that holds everything the language has", () => {
  const result = parse(EVERYTHING, AROUND_EVERYTHING);

  it("parses, and says what has no effect, what is upgraded, and who is preferred but unknown", () => {
    expect(
      result.diagnostics.map(({ severity, message, at }) => `${at.line} ${severity}: ${message}`),
    ).toMatchInlineSnapshot(`
      [
        "1 note: use_iflist_cache has no effect: the table of local addresses is always kept",
        "2 note: Security has no effect: the service manager grants user and capabilities",
        "5 note: msgcserver_listener has no effect: the channel listens on nodeaddr and the port of msgc_server",
        "8 note: msgc_client has no effect: the group channel is part of the daemon",
        "13 note: view_broadcast_interval in cluster has no effect: tables are compared all the time, and made anew if they differ",
        "14 note: if_down_limit in cluster has no effect: an address that cannot be plumbed is handed on at once",
        "15 note: unconditional_rebind in cluster has no effect: a message keeps its binding when it moves",
        "20 note: Replicate in cluster has no effect: nothing is replicated",
        "27 warning: upgrading Listen "10.1.1.2:25" to DuraVIP: binding "vip-u" has the same address",
        "34 warning: binding "vip-3" prefers node2, which is no peer",
      ]
    `);
  });

  it("becomes the configuration that it describes", () => {
    const { config } = result;
    expect(config?.cluster).toEqual({
      nodeaddr: "192.168.0.10",
      clusterGroup: "ec_cluster",
      controlGroup: "ec_console",
      keyFile: "/etc/holdfast/cluster.key",
      keyFileAt: expect.objectContaining({ column: expect.any(Number) }),
      arpRepeat: 3,
      arpRate: 10_000,
      arpRefreshMs: 60_000,
      arpAllHosts: false,
      arpShareMs: 30_000,
      takeoverProbeMs: 300,
      conflictLimit: 2,
      conflictAction: "yield",
      kernelProtocol: 104,
      balanceSetSize: 20,
      weight: 100,
      flapHalfLifeMs: 300_000,
      auditFile: null,
      drainRate: 0,
      viewMatureTimeMs: 5000,
      viewBalanceIntervalMs: 10_000,
      ifCheckIntervalMs: 30_000,
      healthIntervalMs: 1_000,
      drainTimeoutMs: 2000,
      leaseMs: 2000,
      clockDriftMax: 0.01,
    });
    expect(config?.peers).toEqual([
      { name: "node1", address: "192.168.0.10" },
      { name: "node2.example.com", address: "192.168.0.11" },
    ]);
    expect(config?.topologies.map(({ block, interface: name }) => [block, name])).toEqual([
      ["10.1.1.0/24", "eth1"],
      ["10.2.0.0/16", "eth2"],
    ]);
    expect(config?.bindings.map(({ name, group, address, suspended }) => [name, group, address, suspended])).toEqual([
      ["vip-1", "default", "10.1.1.1", false],
      ["vip-u", "default", "10.1.1.2", false],
      ["vip-2", "g", "10.2.1.2", false],
      ["vip-3", "g", "10.2.1.3", false],
      ["default", "default", null, true],
    ]);
    expect(config?.bindingGroups).toEqual([
      { name: "default", bindings: ["vip-1", "vip-u", "default"], suspended: false },
      { name: "g", bindings: ["vip-2", "vip-3"], suspended: false },
    ]);
    expect(config?.listens.map(({ endpoint, duravip, follow }) => [endpoint.host, duravip, follow])).toEqual([
      ["192.168.0.10", { enabled: false, upgraded: false, preferences: [] }, null],
      ["10.1.1.1", { enabled: true, upgraded: false, preferences: [] }, null],
      [
        "10.1.1.9",
        { enabled: false, upgraded: false, preferences: [] },
        { target: "vip-2", binding: "vip-2", address: "10.2.1.2" },
      ],
      [
        "10.1.1.10",
        { enabled: false, upgraded: false, preferences: [] },
        { target: "10.2.1.3", binding: null, address: "10.2.1.3" },
      ],
      ["10.1.1.2", { enabled: true, upgraded: true, preferences: [] }, null],
    ]);
    expect(config?.clusterListen).toEqual({ host: "*", port: 4802 });
    expect(config?.mail.hostname).toBe("mx1.example.com");
  });

  it("means the same with its stanzas in the opposite order", () => {
    const stanzas = EVERYTHING.split(/\n(?=[a-z])/i);
    const reversed = parse(stanzas.toReversed().join("\n"), AROUND_EVERYTHING).config;
    const shape = ({ bindings, bindingGroups, ...rest }: Config): unknown => {
      const sorted = {
        ...rest,
        bindings: bindings.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
        bindingGroups: bindingGroups.map((group) => [group.name, group.bindings.toSorted()]),
      };
      return JSON.parse(JSON.stringify(sorted, (key, value: unknown) => (key === "at" ? undefined : value)));
    };
    if (reversed === null || result.config === null) throw new Error("both orders must be valid");
    expect(shape(reversed)).toEqual(shape(result.config));
  });
});
