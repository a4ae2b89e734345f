import { describe, expect, it } from "vitest";
import { broken, findings, parse } from "./texts.js";

const mail = (text: string) => parse(text).config?.mail;
const listens = (text: string) => parse(text).config?.listens;

describe("a boolean", () => {
  it.each(["true", "ON", "enabled", "1", '"true"'])("is true as %s", (value) => {
    expect(mail(`Suspend_Delivery = ${value}`)?.suspended).toBe(true);
  });
  it.each(["false", "off", "Disabled", "0", "'0'"])("is false as %s", (value) => {
    expect(mail(`Suspend_Delivery = ${value}`)?.suspended).toBe(false);
  });
  it.each(["yes", "no", '""', "2", "( true )", "constructor"])("is not %s", (value) => {
    expect(broken(`Suspend_Delivery = ${value}`)).toEqual(["error invalid-value"]);
  });
});

describe("a number", () => {
  it.each(["-1", "1.5", "1k", "0x10", "", "99999999999999999999", "65"])(
    "is not %j where 1 to 64 is wanted",
    (value) => {
      expect(broken(`mmove_connections = "${value}"`)).toEqual(["error invalid-value"]);
    },
  );
});

describe("names", () => {
  it("of options and scopes are found in any capitals", () => {
    const text = "MMOVE_CONNECTIONS = 3\nesmtp_LISTENER { LISTEN '*:25' { CONCURRENCY = 5 } }";
    expect(mail(text)?.mmoveConnections).toBe(3);
    expect(listens(text)?.[0]?.maxConnections).toBe(5);
  });

  it("of bindings keep their capitals, and differ by them", () => {
    const { config } = parse("Binding Vip-A {}\nBinding vip-a {}");
    expect(config?.bindings.map(({ name }) => name)).toEqual(["Vip-A", "vip-a", "default"]);
  });
});

describe("an option that is not known", () => {
  const said = (text: string) => parse(text).diagnostics.map(({ message, remedy }) => [message, remedy]);

  it("is an error with the nearest known name", () => {
    expect(said("cluster { arp_all_host = true }")).toEqual([
      ["arp_all_host is not an option of cluster", "did you mean arp_all_hosts?"],
    ]);
    expect(said("Bindign b { }")).toEqual([["Bindign is not a scope of the global scope", "did you mean Binding?"]]);
    expect(said("Binding b { zzzzzz = 1 }")).toEqual([["zzzzzz is not an option of Binding", null]]);
  });

  it("there, but elsewhere, is an error that says where", () => {
    expect(said('Topology "10.0.0.0/8" { interface = eth1 }')).toEqual([
      ["Topology does not belong in the global scope, but in cluster", null],
    ]);
    expect(said("Binding a {\n Binding b { } }")).toEqual([
      [
        "Binding does not belong in Binding, but in the global scope or Binding_Group",
        'is Binding "a" of line 1 meant to end before this?',
      ],
    ]);
  });

  it("is found among 50,000 of them without delay", () => {
    const text = Array.from({ length: 50_000 }, (_, index) => `wrong_name_${index} = 1`).join("\n");
    expect(parse(text).diagnostics.length).toBe(50_000);
  });
});

describe("an option of the original that has no effect here", () => {
  it("is noted, once for each kind of scope", () => {
    const text = "Timezone = UTC\nBinding a { DKIM = 1 }\nBinding b { DKIM = 1 }\nDomain x.org { DKIM = 1 }";
    expect(findings(parse(text))).toEqual(["note no-effect 1", "note no-effect 2", "note no-effect 4"]);
  });

  it("is warned about where mail would go another way", () => {
    const text =
      "Binding a { Gateway = 10.0.0.1 }\nBinding_Group g { Domain x.org { Routes = () } }\nESMTP_Listener { Peer 10/8 {} }";
    expect(findings(parse(text))).toEqual(["warning no-effect 1", "warning no-effect 2", "warning no-effect 3"]);
  });
});

describe("a scope", () => {
  it.each([
    ["without the name it needs", "Binding { }", ["error name-missing 1"]],
    ["with a name it cannot have", "cluster x { }", ["error name-not-expected 1"]],
    ["written as an option", "cluster = x", ["error not-an-option 1"]],
    ["in place of an option", "SpoolBase { }", ["error not-a-scope 1"]],
  ])("%s is an error", (_, text, expected) => {
    expect(findings(parse(text))).toEqual(expected);
  });

  it("is warned about an option that it sets twice, and the later one counts", () => {
    expect(findings(parse("mmove_connections = 1\nmmove_connections = 2"))).toEqual(["warning set-twice 2"]);
    expect(mail("mmove_connections = 1\nmmove_connections = 2")?.mmoveConnections).toBe(2);
  });

  it("may be opened again, by overlays too, and keeps what it had", () => {
    const files = { "/etc/local.conf": "Binding_Group g { Suspend_Delivery = true  Binding c {} }" };
    const { config } = parse("Binding_Group g { Binding b {} }\ninclude local.conf", files);
    expect(config?.bindingGroups[1]).toEqual({ name: "g", bindings: ["b", "c"], suspended: true });
  });
});

describe("mail options", () => {
  it("have the documented defaults", () => {
    expect(mail("")).toEqual({
      spoolBase: "/var/spool/holdfast",
      gateway: null,
      bindingHeader: null,
      defaultBinding: "normal",
      suspended: false,
      retryIntervalMs: 1_200_000,
      maxRetryIntervalMs: 43_200_000,
      messageExpirationMs: 604_800_000,
      maxOutboundConnections: 32,
      mmoveConnections: 4,
      listenSharedMin: 512,
      hostname: "node1",
      tls: "ifavailable",
    });
  });

  it.each([
    ['"10.0.0.1"', [{ host: "10.0.0.1", port: 25 }]],
    ["10.0.0.1:2525", [{ host: "10.0.0.1", port: 2525 }]],
    ['"[2001:DB8::1]"', [{ host: "2001:db8::1", port: 25 }]],
    [
      '( "[2001:db8::1]:26" mx.Example.com:27 )',
      [
        { host: "2001:db8::1", port: 26 },
        { host: "mx.example.com", port: 27 },
      ],
    ],
    ["()", null],
  ])("take the gateway %s", (value, expected) => {
    expect(mail(`Gateway = ${value}`)?.gateway).toEqual(expected);
  });

  it.each(['"2001:db8::1"', "10.0.0.256", "a:b:c", "host:0", "host:65536", '"*:25"', "[ a = b ]", '""'])(
    "do not take the gateway %s",
    (value) => {
      expect(broken(`Gateway = ${value}`)).toEqual(["error invalid-value"]);
    },
  );

  it("require encryption globally or in a domain, and say where that has no effect", () => {
    expect(mail("TLS = required")?.tls).toBe("required");
    expect(parse("Domain a.org { TLS = Required }").config?.domains[0]?.tls).toBe("required");
    expect(broken("TLS = maybe")).toEqual(["error invalid-value"]);
    expect(broken("Binding b { TLS = required }")).toEqual(["warning no-effect"]);
  });

  it("know domains by name, regardless of case, with their routes", () => {
    expect(
      parse('Domain "Example.COM" { Routes = ( 10.0.0.1:2525 b.example ) Suspend_Delivery = 1 }').config?.domains,
    ).toEqual([
      {
        name: "example.com",
        routes: [
          { host: "10.0.0.1", port: 2525 },
          { host: "b.example", port: 25 },
        ],
        suspended: true,
        tls: null,
      },
    ]);
    expect(parse('Domain a.org { Gateway = "10.0.0.1" }').config?.domains[0]?.routes).toEqual([
      { host: "10.0.0.1", port: 25 },
    ]);
    expect(broken('Domain "/^a/" {}\nDomain "a b" {}\nDomain a.org {}\nDomain A.org {}')).toEqual([
      "error domain-name",
      "error domain-name",
      "error duplicate-domain",
    ]);
  });

  it("refuse a retry schedule that shrinks", () => {
    expect(broken("Retry_Interval = 60\nMax_Retry_Interval = 30")).toEqual(["error retry-interval"]);
  });

  it("come to a binding from itself, then its group, then the global scope", () => {
    const { config } = parse(`EHLO_Hostname = a.example
      Binding_Group g { EHLO_Hostname = b.example Max_Outbound_Connections = 5
        Binding one { EHLO_Hostname = c.example Max_Outbound_Connections = 6 }
        Binding two { } }
      Binding three { }`);
    expect(
      config?.bindings.slice(0, 3).map((binding) => [binding.ehloHostname, binding.maxConnectionsPerDomain]),
    ).toEqual([
      ["c.example", 6],
      ["b.example", 5],
      ["a.example", null],
    ]);
  });
});

describe("a listener", () => {
  it("has the documented defaults", () => {
    expect(listens('ESMTP_Listener { Listen "*:25" {} }')).toMatchObject([
      {
        endpoint: { host: "*", port: 25 },
        duravip: { enabled: false, upgraded: false, preferences: [] },
        follow: null,
        ehloHostname: null,
        relayHosts: ["127.0.0.0/8", "::1/128"],
        tls: null,
        maxMessageBytes: 52_428_800,
        maxConnections: 1000,
        idleTimeoutMs: 300_000,
        enabled: true,
      },
    ]);
  });

  it("takes options from its Listen, then its ESMTP_Listener, then the global scope", () => {
    const found = listens(`Relay_Hosts = 10.0.0.0/8
      ESMTP_Listener { Timeout = 60 Relay_Hosts = ( 10.1.0.0/16 10.2.3.4 2001:DB8::/32 )
        Listen "10.0.0.1:25" { Timeout = 30 }
        Listen "10.0.0.2:25" { Relay_Hosts = () Enable = false } }`);
    expect(found?.map((listen) => [listen.idleTimeoutMs, listen.relayHosts, listen.enabled])).toEqual([
      [30_000, ["10.1.0.0/16", "10.2.3.4/32", "2001:db8::/32"], true],
      [60_000, [], false],
    ]);
  });

  it("counts its connections, and a limit of 0 is none", () => {
    const limit = (value: number) =>
      listens(`ESMTP_Listener { Listen "*:25" { Concurrency = ${value} } }`)?.[0]?.maxConnections;
    expect(limit(7)).toBe(7);
    expect(limit(0)).toBeGreaterThan(1_000_000);
  });

  it("needs both halves of its TLS identity", () => {
    const tls = (options: string) => `ESMTP_Listener { Listen "*:25" { ${options} } }`;
    expect(broken(tls("TLS_Certificate = /c.pem"))).toEqual(["error tls-incomplete"]);
    expect(listens(`TLS_Key = /k.pem\n${tls("TLS_Certificate = /c.pem")}`)?.[0]?.tls).toEqual({
      certificateFile: "/c.pem",
      keyFile: "/k.pem",
    });
  });

  it("has every endpoint once, however it is written", () => {
    const text =
      'ESMTP_Listener { Listen "*:25" {} Listen ":25" {} Listen "0.0.0.0:25" {} Listen "[::]:25" {} Listen "[*]:25" {} }';
    expect(broken(text)).toEqual(["error duplicate-listen", "error duplicate-listen", "error duplicate-listen"]);
  });

  it.each(["10.1.1.1", "10.1.1.1:0", "10.1.1.1:65536", "2001:db8::1", "host:25", "/path", "010.1.1.1:25"])(
    "does not listen on %s",
    (endpoint) => {
      expect(broken(`ESMTP_Listener { Listen "${endpoint}" {} }`)).toEqual(["error listen-address"]);
    },
  );

  it("for peers is on port 4802 of every address, or on the one that is given", () => {
    expect(parse("").config?.clusterListen).toEqual({ host: "*", port: 4802 });
    expect(parse('ECCluster_Listener { Listen "[::1]:40000" {} }').config?.clusterListen).toEqual({
      host: "::1",
      port: 40_000,
    });
    expect(broken('ECCluster_Listener { Listen ":1" {} Listen ":2" {} }')).toEqual(["error duplicate-listen"]);
  });

  it("for the console is one UNIX socket, or none", () => {
    expect(parse("").config?.controlSocket).toBeNull();
    expect(parse("Control_Listener { Listen /run/hf {} }").config?.controlSocket).toBe("/run/hf");
    expect(broken("Control_Listener { Listen TMPDIR/2025 {} }")).toEqual(["error listen-address"]);
    expect(broken('Control_Listener { Listen "127.0.0.1:2025" {} }')).toEqual(["warning no-effect"]);
    expect(broken("Control_Listener { Listen /a {} Listen /b {} }")).toEqual(["error duplicate-listen"]);
  });
});
