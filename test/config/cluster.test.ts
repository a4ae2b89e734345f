import { describe, expect, it } from "vitest";
import { Topologies } from "../../src/config/cluster.js";
import { Diagnostics } from "../../src/config/diagnostics.js";
import { type NodeFacts, parseConfig, resolveNodename } from "../../src/config/index.js";
import { Loader } from "../../src/config/includes.js";
import { CLUSTER_RULE } from "../../src/config/schema.js";
import { readScopes, type Scope, singleton } from "../../src/config/scopes.js";
import { broken, memoryReader, parse } from "./texts.js";

const KEY = "cluster { key_file = /k }\n";
const peers = (entries: string, rest = "") => `${KEY}msgc_server { peers = [ ${entries} ] ${rest} }\n`;

describe("the peers", () => {
  it("are sorted, and tell the address of this node", () => {
    const { config } = parse(peers("node2 = 10.0.0.2  node1 = 10.0.0.1"));
    expect(config?.peers.map(({ name }) => name)).toEqual(["node1", "node2"]);
    expect(config?.cluster.nodeaddr).toBe("10.0.0.1");
  });

  it("may be absent: a cluster of one needs no key", () => {
    expect(broken("")).toEqual([]);
    expect(parse("").config).toMatchObject({ peers: [], cluster: { keyFile: null, nodeaddr: null } });
    expect(broken("msgc_server { peers = [ ] }")).toEqual([]);
  });

  it.each([
    ["need a cluster key", "msgc_server { peers = [ node1 = 10.0.0.1 ] }", ["error key-file-missing"]],
    ["hold this node", peers("a = 10.0.0.1 b = 10.0.0.2"), ["error not-a-peer"]],
    ["have names in lower case", peers("node1 = 10.0.0.1 Node2 = 10.0.0.2"), ["error peer-name"]],
    ["have names of nodes", peers('node1 = 10.0.0.1 "a b" = 10.0.0.2'), ["error peer-name"]],
    ["have names of their own", peers("node1 = 10.0.0.1 node1 = 10.0.0.2"), ["error duplicate-peer"]],
    ["have addresses of their own", peers("node1 = 10.0.0.1 b = 10.0.0.1"), ["error duplicate-peer"]],
    ["have addresses, not names", peers("node1 = mx1.example.com b = 10.0.0.1"), ["error invalid-value"]],
    [
      "are not on loopback when there are several",
      peers("node1 = 127.0.0.1 b = 10.0.0.1"),
      ["error loopback-nodeaddr"],
    ],
    ["are a dictionary", `${KEY}msgc_server { peers = ( node1 ) }`, ["error invalid-value"]],
  ])("%s", (_, text, expected) => {
    expect(broken(text)).toEqual(expected);
  });
});

describe("the cluster scope", () => {
  it("refuses a nodeaddr that no peer can reach", () => {
    expect(broken("cluster { nodeaddr = 127.0.0.1 }")).toEqual(["error loopback-nodeaddr"]);
  });

  it("is one scope however often it is opened, and the later setting counts", () => {
    const { config, diagnostics } = parse("cluster { arp_rate = 3 arp_repeat = 5 }\nCLUSTER { ARP_Rate = 7 }");
    expect(config?.cluster).toMatchObject({ arpRate: 7, arpRepeat: 5 });
    expect(diagnostics.map(({ message }) => message)).toEqual([
      "arp_rate was already set in line 1; this value counts",
    ]);
  });

  it("takes the balance set as a number or auto, and auto is the default", () => {
    const size = (text: string) => parse(`cluster { ${text} }`).config?.cluster.balanceSetSize;
    expect(size("")).toBe(0);
    expect(size("duravip_balance_set_size = auto")).toBe(0);
    expect(size("duravip_balance_set_size = 1")).toBe(1);
    expect(size("duravip_balance_set_size = 0")).toBeUndefined();
  });

  it("notes the rebind option by both names that it has had", () => {
    const notes = parse("cluster { unconditional_rebinding = false  unconditional_rebind = on }").diagnostics;
    expect(notes.map(({ severity }) => severity)).toEqual(["note", "note"]);
  });

  it("refuses the listener option of before 3.0.15, and says what to write", () => {
    expect(parse('cluster { cluster_listener = "*:4802" }').diagnostics[0]?.remedy).toContain("ECCluster_Listener");
  });

  it("reads the drift of clocks in per cent, fractions too", () => {
    expect(parse("cluster { clock_drift_max = 0.5 }").config?.cluster.clockDriftMax).toBe(0.005);
    expect(parse("").config?.cluster.clockDriftMax).toBe(0.01);
    expect(broken("cluster { clock_drift_max = 11 }")).toEqual(["error invalid-value"]);
  });

  it("turns seconds into milliseconds, fractions too", () => {
    const { config } = parse("cluster { view_mature_time = 0.25 } msgc_server { reconnect_interval = 2 }");
    expect(config?.cluster.viewMatureTimeMs).toBe(250);
    expect(config?.channel.reconnectIntervalMs).toBe(2000);
  });
});

describe("the channel", () => {
  it("has a time-out longer than a heartbeat, and is warned below three", () => {
    const times = (failure: number) =>
      broken(`msgc_server { heartbeat_interval_ms = 100 failure_timeout_ms = ${failure} }`);
    expect(times(100)).toEqual(["error timeout-too-short"]);
    expect(times(250)).toEqual(["warning timeout-too-short"]);
    expect(times(300)).toEqual([]);
  });
});

/** The scopes inside the cluster scope of a text. */
function scopesOf(text: string): readonly Scope[] {
  const diagnostics = new Diagnostics();
  const loader = new Loader("/c", "node1", [], memoryReader({ "/c": text }), diagnostics);
  return singleton(readScopes("/c", loader, diagnostics), CLUSTER_RULE).scopes;
}

describe("a Topology", () => {
  const topology = (block: string, options = "interface = eth1") => `cluster { Topology "${block}" { ${options} } }\n`;

  it("needs an interface", () => {
    expect(broken(topology("10.1.1.0/24", ""))).toEqual(["error interface-missing"]);
    expect(broken(topology("10.1.1.0/24", "interface = eth1:1"))).toEqual(["error invalid-value"]);
  });

  it("has the mask of single addresses, and is warned about another", () => {
    expect(broken(topology("10.1.1.0/24", "interface = eth1 cidrmask = 24"))).toEqual(["warning cidrmask"]);
    expect(broken(topology("10.1.1.0/24", 'interface = eth1 cidrmask = "32"'))).toEqual([]);
    expect(broken(topology("10.1.1.0/24", "interface = eth1 cidrmask = 33"))).toEqual(["error cidrmask"]);
    expect(broken(topology("2001:db8::/64", "interface = eth1 cidrmask = 64"))).toEqual(["warning cidrmask"]);
    expect(broken(topology("2001:db8::/64", "interface = eth1 cidrmask = 129"))).toEqual(["error invalid-value"]);
    const { config } = parse(topology("10.1.1.0/24") + topology("2001:db8::/64"));
    expect(config?.topologies.map(({ cidrmask }) => cidrmask)).toEqual([32, 128]);
  });

  it("is for one block of addresses", () => {
    expect(broken(topology("10.1.1.0"))).toEqual(["error topology-block"]);
    expect(broken(topology("10.1.1.0/33"))).toEqual(["error topology-block"]);
    expect(broken(topology("2001:db8::/129"))).toEqual(["error topology-block"]);
    expect(broken(topology("2001:db8::/64"))).toEqual([]);
  });

  it("is read without the bits behind its prefix, with a warning", () => {
    expect(broken(topology("10.1.1.7/24"))).toEqual(["warning topology-block"]);
    expect(parse(topology("10.1.1.7/24")).config?.topologies[0]?.block).toBe("10.1.1.0/24");
    expect(broken(topology("2001:db8::7/64"))).toEqual(["warning topology-block"]);
    expect(parse(topology("2001:DB8::7/64")).config?.topologies[0]?.block).toBe("2001:db8::/64");
  });

  it("is the only one for its block, however that is written", () => {
    expect(broken(topology("10.1.1.0/24") + topology("10.1.1.9/24"))).toContain("error duplicate-topology");
  });

  it("says how addresses are plumbed", () => {
    const { config } = parse(topology("10.1.1.0/24", "interface = eth1 plumbing = route lifeline = true"));
    expect(config?.topologies[0]).toMatchObject({ plumbing: "route", lifeline: true });
    expect(broken(topology("10.1.1.0/24", "interface = eth1 plumbing = bridge"))).toEqual(["error invalid-value"]);
    expect(broken(topology("2001:db8::/64", "interface = eth1 plumbing = route"))).toEqual(["error ipv6-route"]);
  });

  it("says who owns its addresses in a partition, each part unless it is written", () => {
    const policyOf = (options: string) =>
      parse(topology("10.1.1.0/24", `interface = eth1 ${options}`)).config?.topologies[0]?.partitionPolicy;
    expect(policyOf("")).toBe("available");
    expect(policyOf("partition_policy = majority")).toBe("majority");
    expect(broken(topology("10.1.1.0/24", "interface = eth1 partition_policy = quorum"))).toEqual([
      "error invalid-value",
    ]);
  });

  it("that is strict needs a lifeline, and a lease that outlasts the search for a peer", () => {
    const strict = topology("10.1.1.0/24", "interface = eth1 partition_policy = strict");
    const alive = topology("10.1.1.0/24", "interface = eth1 partition_policy = strict lifeline = true");
    expect(broken(strict)).toEqual(["warning strict-without-lifeline"]);
    expect(broken(alive)).toEqual([]);
    expect(broken(`cluster { lease_ms = 900 }\n${alive}`)).toEqual(["warning lease-too-short"]);
    expect(broken(`cluster { lease_ms = 900 }\n${topology("10.1.1.0/24")}`)).toEqual([]);
  });

  it("holds an address when it is the most specific that does", () => {
    const blocks = ["2001:db8::/32", "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/64", "10.1.1.1/32"];
    const { config } = parse(blocks.map((block) => topology(block)).join(""));
    expect(config?.topologies.map(({ block }) => block)).toEqual([
      "10.1.1.1/32",
      "10.1.0.0/16",
      "10.0.0.0/8",
      "0.0.0.0/0",
      "2001:db8::/64",
      "2001:db8::/32",
    ]);
    const interfaces = {
      "10.1.1.1": "32",
      "10.1.1.2": "16",
      "10.2.0.0": "8",
      "11.0.0.0": "0",
      "2001:db8::1": "64",
      "2001:db8:0:1::1": "48",
      "2001:db9::": "17",
    };
    const text = Object.entries(interfaces).map(([address, length]) => {
      const block = `${address.includes(":") ? "2001:db8::" : "10.1.1.1"}/${length}`;
      return topology(block, `interface = eth${length}`);
    });
    const topologies = new Topologies(scopesOf(text.join("")), new Diagnostics());
    for (const [address, length] of Object.entries(interfaces)) {
      expect(topologies.of(address)?.interface, address).toBe(`eth${length}`);
    }
  });
});

describe("the name of the node", () => {
  const facts = (known: Partial<NodeFacts>): NodeFacts => ({
    explicit: null,
    environment: null,
    hostname: "mx1.example.com",
    ...known,
  });

  it("is the one given outright, else the configured one, else the environment's, else the host's up to its dot", () => {
    expect(resolveNodename(facts({ explicit: "a", environment: "c" }), "b")).toBe("a");
    expect(resolveNodename(facts({ environment: "c" }), "b")).toBe("b");
    expect(resolveNodename(facts({ environment: "c" }), null)).toBe("c");
    expect(resolveNodename(facts({}), null)).toBe("mx1");
  });

  it("in the text decides which node's includes are read", () => {
    const reader = memoryReader({
      "/etc/holdfast.conf": "cluster { nodename = b }\ninclude local.conf\n",
      "/etc/mx1/local.conf": "mmove_connections = 1\n",
      "/etc/b/local.conf": "mmove_connections = 2\n",
      "/etc/c/local.conf": "mmove_connections = 3\n",
    });
    const threads = (nodename: string | NodeFacts) => {
      const { config } = parseConfig("/etc/holdfast.conf", { reader, nodename });
      return [config?.nodename, config?.mail.mmoveConnections];
    };
    expect(threads(facts({}))).toEqual(["b", 2]);
    expect(threads(facts({ explicit: "c" }))).toEqual(["c", 3]);
    expect(threads("c")).toEqual(["c", 3]);
  });

  it("is needed", () => {
    expect(
      parseConfig("/c", { reader: memoryReader({ "/c": "" }), nodename: facts({ hostname: "" }) }).diagnostics,
    ).toMatchObject([{ severity: "error", rule: "no-nodename" }]);
  });
});
