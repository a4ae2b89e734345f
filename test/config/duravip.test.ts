import { describe, expect, it } from "vitest";
import { broken, CLUSTER, findings, parse } from "./texts.js";

const listener = (listens: string) => `ESMTP_Listener { ${listens} }\n`;
const VIP = 'Binding "vip" { Enable_Duravip = true  Bind_Address = 10.1.1.1 }\n';

describe("an address that the cluster manages", () => {
  it.each([
    ["the address of this node among the peers", CLUSTER, "192.168.0.10"],
    ["the address of another peer", CLUSTER, "192.168.0.12"],
    ["the nodeaddr", `${CLUSTER}cluster { nodeaddr = 10.1.1.5 }`, "10.1.1.5"],
    ["where the ECCluster_Listener listens", `${CLUSTER}ECCluster_Listener { Listen "10.1.1.5:4802" {} }`, "10.1.1.5"],
    ["where the Control_Listener listens", `${CLUSTER}Control_Listener { Listen "10.1.1.5:2025" {} }`, "10.1.1.5"],
  ])("is not %s", (_, around, address) => {
    const hosts = 'cluster { Topology "192.168.0.0/24" { interface = eth0 } }\n';
    const binding = `Binding "b" { Enable_Duravip = true Bind_Address = ${address} }\n`;
    expect(broken(`${around}\n${hosts}${binding}`)).toContain("error duravip-host-address");
    expect(broken(`${around}\n${hosts}${listener(`Listen "${address}:25" { Enable_Duravip = on }`)}`)).toContain(
      "error duravip-host-address",
    );
    expect(broken(`${around}\n${hosts}${VIP}${listener(`Listen "${address}:25" { Duravip_Follow = vip }`)}`)).toContain(
      "error duravip-host-address",
    );
  });

  it.each(["*:25", ":25", "0.0.0.0:25", "[*]:25", "[::]:25"])("is not every address, %s", (endpoint) => {
    expect(broken(CLUSTER + listener(`Listen "${endpoint}" { Enable_Duravip = true }`))).toEqual([
      "error duravip-wildcard",
    ]);
    expect(broken(CLUSTER + VIP + listener(`Listen "${endpoint}" { Duravip_Follow = vip }`))).toEqual([
      "error duravip-wildcard",
    ]);
  });

  it.each(["*:25", "[::]:25"])("has its port to itself: %s beside it is refused", (endpoint) => {
    const own = 'Listen "10.1.1.1:25" { Enable_Duravip = true }';
    expect(broken(CLUSTER + listener(`Listen "${endpoint}" {}  ${own}`))).toEqual(["error wildcard-beside-duravip"]);
    expect(findings(parse(CLUSTER + listener(`Listen "${endpoint.replace(":25", ":26")}" {}  ${own}`)))).toEqual([]);
  });

  it("may be IPv6", () => {
    const text = `cluster { Topology "2001:db8::/64" { interface = eth1 } }
      Binding b { Enable_Duravip = 1 Bind_Address = "2001:DB8:0::1" }
      ${listener('Listen "[2001:db8::2]:25" { Enable_Duravip = 1 }')}`;
    const { config, diagnostics } = parse(text);
    expect(diagnostics).toEqual([]);
    expect(config?.bindings[0]).toMatchObject({ address: "2001:db8::1", duravip: { enabled: true } });
  });

  it.each(["0.1.2.3", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "ff02::1", "::ffff:10.1.1.1"])(
    "is one that a host can have, unlike %s",
    (address) => {
      expect(broken(`${CLUSTER}Binding b { Enable_Duravip = 1 Bind_Address = "${address}" }`)).toEqual([
        "error duravip-unusable",
      ]);
    },
  );

  it("is in a Topology, and is said once to be in none", () => {
    const text = CLUSTER + listener('Listen "10.9.9.9:25" { Enable_Duravip = true }');
    expect(broken(text)).toEqual(["error outside-topology"]);
    expect(broken(`${text}Binding b { Enable_Duravip = true  Bind_Address = 10.9.9.9 }`)).toEqual([
      "error outside-topology",
    ]);
  });

  it("is given: a binding without Bind_Address has nothing to manage", () => {
    expect(broken(`${CLUSTER}Binding b { Enable_Duravip = true }`)).toEqual(["error duravip-without-address"]);
    expect(broken(`${CLUSTER}Binding b { Enable_Duravip = true Bind_Address = * }`)).toEqual([
      "error duravip-without-address",
    ]);
    expect(broken(`${CLUSTER}Binding b { }\nBinding c { Enable_Duravip = false }`)).toEqual([]);
  });

  it("may carry several bindings", () => {
    expect(broken(`${CLUSTER}${VIP}Binding b { Enable_Duravip = true  Bind_Address = 10.1.1.1 }`)).toEqual([]);
  });
});

describe("an ordinary binding or listener", () => {
  it("may have any address, the host's own too", () => {
    const text = 'Binding b { Bind_Address = 192.168.0.10 }\nBinding c { Bind_Address = "2001:db8::1" }\n';
    expect(
      broken(CLUSTER + text + listener('Listen "192.168.0.10:25" {} Listen "*:587" {} Listen "[::1]:25" {}')),
    ).toEqual([]);
  });

  it("is upgraded when a binding on its address is DuraVIP, whichever comes first", () => {
    const listen = listener('Listen "10.1.1.1:25" {}');
    for (const text of [CLUSTER + VIP + listen, listen + VIP + CLUSTER]) {
      expect(broken(text)).toEqual(["warning implicit-upgrade"]);
      expect(parse(text).config?.listens[0]?.duravip).toEqual({ enabled: true, upgraded: true, preferences: [] });
    }
  });

  it("is upgraded when a listener on its address is DuraVIP, even where it says no", () => {
    const text = `${CLUSTER}Binding b { Enable_Duravip = off Bind_Address = 10.1.1.1 }\n${listener('Listen "10.1.1.1:25" { Enable_Duravip = on }')}`;
    expect(findings(parse(text))).toEqual(["warning implicit-upgrade 2"]);
    expect(parse(text).config?.bindings[0]?.duravip).toEqual({ enabled: true, upgraded: true, preferences: [] });
  });

  it("is upgraded when it has the address of a follower, and then follows too", () => {
    const text = CLUSTER + VIP + listener('Listen "10.2.0.1:25" { Duravip_Follow = vip } Listen "10.2.0.1:587" {}');
    expect(broken(text)).toEqual(["warning implicit-upgrade"]);
    expect(parse(text).config?.listens.map(({ duravip, follow }) => [duravip.upgraded, follow?.address])).toEqual([
      [false, "10.1.1.1"],
      [true, "10.1.1.1"],
    ]);
  });
});

describe("a listener that follows", () => {
  const follow = (options: string, endpoint = "10.2.0.1:25") =>
    broken(CLUSTER + VIP + listener(`Listen "${endpoint}" { ${options} }`));

  it("names a binding or its address", () => {
    expect(follow("Duravip_Follow = vip")).toEqual([]);
    expect(follow('Duravip_Follow = "10.1.1.1"')).toEqual([]);
  });

  it("may name the address of a listener that is DuraVIP", () => {
    const text = listener(
      'Listen "10.1.1.2:25" { Enable_Duravip = 1 } Listen "10.2.0.1:25" { Duravip_Follow = 10.1.1.2 }',
    );
    expect(broken(CLUSTER + text)).toEqual([]);
  });

  it("is not DuraVIP by itself, neither in its own stanza nor in another on its address", () => {
    expect(follow("Duravip_Follow = vip  Enable_Duravip = true")).toContain("error follow-and-enable");
    const other = "Binding b { Enable_Duravip = true Bind_Address = 10.2.0.1 }\n";
    expect(broken(CLUSTER + VIP + other + listener('Listen "10.2.0.1:25" { Duravip_Follow = vip }'))).toEqual([
      "error follow-and-enable",
    ]);
  });

  it("has another address than what it follows, by name and by address", () => {
    for (const target of ["vip", "10.1.1.1"]) {
      const text = `Listen "10.1.1.1:25" { Duravip_Follow = ${target} }`;
      expect(broken(CLUSTER + VIP + listener(text))).toContain("error follow-same-address");
    }
  });

  it("follows what exists, in its own capitals", () => {
    expect(follow("Duravip_Follow = VIP")).toEqual(["error follow-unknown"]);
    expect(follow("Duravip_Follow = nobody")).toEqual(["error follow-unknown"]);
    expect(follow("Duravip_Follow = 10.1.1.77")).toEqual(["error follow-unknown"]);
  });

  it("cannot follow the binding default", () => {
    expect(follow("Duravip_Follow = default")).toEqual(["error follow-default"]);
  });

  it("cannot follow a binding that never moves", () => {
    const plain = "Binding plain { Bind_Address = 10.1.1.8 }\nBinding none { }\n";
    for (const target of ["plain", "none", "10.1.1.8"]) {
      const text = CLUSTER + plain + listener(`Listen "10.2.0.1:25" { Duravip_Follow = ${target} }`);
      expect(broken(text), target).toEqual(["error follow-unmanaged"]);
    }
  });

  it("cannot follow a follower", () => {
    const text = 'Listen "10.2.0.1:25" { Duravip_Follow = vip }  Listen "10.2.0.2:25" { Duravip_Follow = 10.2.0.1 }';
    expect(broken(CLUSTER + VIP + listener(text))).toEqual(["error follow-chain"]);
  });

  it("cannot follow two addresses by two ports", () => {
    const other = "Binding other { Enable_Duravip = 1 Bind_Address = 10.1.1.2 }\n";
    const text = 'Listen "10.2.0.1:25" { Duravip_Follow = vip }  Listen "10.2.0.1:587" { Duravip_Follow = other }';
    expect(broken(CLUSTER + VIP + other + listener(text))).toEqual(["error follow-conflict"]);
  });

  it("is warned about a preference, which counts for nothing", () => {
    const options = "Duravip_Follow = vip  Duravip_Preference = node1";
    expect(follow(options)).toEqual(["warning follow-with-preference"]);
    const { config } = parse(CLUSTER + VIP + listener(`Listen "10.2.0.1:25" { ${options} }`));
    expect(config?.listens[0]?.duravip.preferences).toEqual([]);
  });

  it("is in a Topology too", () => {
    expect(follow("Duravip_Follow = vip", "10.9.0.1:25")).toEqual(["error outside-topology"]);
  });
});

describe("a binding", () => {
  it("cannot follow", () => {
    expect(broken(`${CLUSTER}Binding b { Bind_Address = 10.1.1.1 Duravip_Follow = x }`)).toEqual([
      "error refused-option",
    ]);
  });

  it("has a name of its own in all groups", () => {
    const text = 'Binding b { }\nBinding_Group g {\n Binding b { }\n}\nBinding_Group h {\n Binding "B" { }\n}';
    expect(findings(parse(text))).toEqual(["error duplicate-binding 3"]);
  });

  it.each(["#mmove", "a b", "a:b", "/^a/"])("cannot be named %s", (name) => {
    expect(broken(`Binding "${name}" { }`)).toEqual(["error binding-name"]);
  });

  it("is not marked in a group or globally", () => {
    expect(broken("Enable_Duravip = true\nBinding_Group g { Duravip_Preference = a }")).toEqual([
      "error misplaced",
      "error misplaced",
    ]);
  });
});

describe("a preference", () => {
  const prefer = (options: string) => broken(`${CLUSTER}Binding b { Bind_Address = 10.1.1.1 ${options} }`);

  it("may stand on a listener and a binding, enabled or by upgrade", () => {
    const text = `${VIP.replace("}", "Duravip_Preference = node2 }")}${listener('Listen "10.1.1.1:25" { Enable_Duravip = true Duravip_Preference = node2 }')}`;
    expect(broken(CLUSTER + text)).toEqual([]);
  });

  it("may be a list of nodes, first choice first", () => {
    const { config, diagnostics } = parse(`${CLUSTER}${VIP.replace("}", "Duravip_Preference = ( node2 node1 ) }")}`);
    expect(diagnostics).toEqual([]);
    expect(config?.bindings[0]?.duravip.preferences).toEqual(["node2", "node1"]);
  });

  it("that names no peer is warned about", () => {
    const list = "Enable_Duravip = true Duravip_Preference = ( node1 elsewhere )";
    expect(prefer(list)).toEqual(["warning unknown-preference"]);
    expect(prefer("Enable_Duravip = true Duravip_Preference = Node1")).toEqual(["warning unknown-preference"]);
    expect(prefer("Enable_Duravip = true Duravip_Preference = elsewhere")).toEqual(["warning unknown-preference"]);
  });

  it("for an address that is not managed is warned about", () => {
    expect(prefer("Duravip_Preference = node1")).toEqual(["warning preference-unused"]);
  });

  it("that contradicts another for the same address is warned about", () => {
    const one = "Binding b { Enable_Duravip = 1 Bind_Address = 10.1.1.1 Duravip_Preference = node1 }\n";
    for (const other of ["node2", "( node1 node2 )"]) {
      expect(broken(CLUSTER + one + one.replace("b {", "c {").replace("node1", other))).toEqual([
        "warning preference-conflict",
      ]);
    }
  });
});
