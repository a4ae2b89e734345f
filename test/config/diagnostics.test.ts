import { describe, expect, it } from "vitest";
import { checkReport, formatDiagnostic, formatReport } from "../../src/config/index.js";
import { CLUSTER, parse } from "./texts.js";

const printed = (text: string) => parse(text).diagnostics.map(formatDiagnostic).join("\n");

describe("a diagnostic", () => {
  it("shows place, message, line, caret and remedy", () => {
    expect(
      printed(`${CLUSTER}ESMTP_Listener {
\tListen "10.1.1.1:25" {
\t\tEnable_Duravip = true   Duravip_Folow = "vip-2"
\t}
}
`),
    ).toMatchInlineSnapshot(`
      "/etc/holdfast.conf:4:27: error: Duravip_Folow is not an option of Listen
        		Enable_Duravip = true   Duravip_Folow = "vip-2"
        		                        ^
        did you mean Duravip_Follow?"
    `);
  });

  it("names the follower's mistake and what to do", () => {
    expect(
      printed(`${CLUSTER}Binding "vip-2" { Enable_Duravip = true  Bind_Address = 10.2.1.2 }
ESMTP_Listener {
  Listen "10.1.1.1:25" { Duravip_Follow = "vip-3" }
  Listen "10.2.1.2:26" { Duravip_Follow = "vip-2" }
  Listen "*:25" { Enable_Duravip = true }
}
`),
    ).toMatchInlineSnapshot(`
      "/etc/holdfast.conf:4:43: error: there is no binding "vip-3" to follow
          Listen "10.1.1.1:25" { Duravip_Follow = "vip-3" }
                                                  ^
        did you mean vip-2?
      /etc/holdfast.conf:5:43: error: the listener has the address of binding "vip-2", 10.2.1.2, and cannot follow itself
          Listen "10.2.1.2:26" { Duravip_Follow = "vip-2" }
                                                  ^
        give listener and binding different addresses
      /etc/holdfast.conf:6:3: error: Listen "*:25" is on every address, and cannot be DuraVIP
          Listen "*:25" { Enable_Duravip = true }
          ^
        name one address"
    `);
  });

  it("says which address of a host a VIP would be, and where a VIP has no network", () => {
    expect(
      printed(`${CLUSTER}Binding "a" { Enable_Duravip = true  Bind_Address = 192.168.0.11 }
Binding "b" { Enable_Duravip = true  Bind_Address = 172.16.0.1 }
`),
    ).toMatchInlineSnapshot(`
      "/etc/holdfast.conf:2:1: error: binding "a" cannot be DuraVIP: 192.168.0.11 is the address of peer node2
        Binding "a" { Enable_Duravip = true  Bind_Address = 192.168.0.11 }
        ^
        the cluster takes VIPs away from hosts: use another address than the host's own
      /etc/holdfast.conf:3:1: error: 172.16.0.1 is in no Topology, so it is not known where to plumb it
        Binding "b" { Enable_Duravip = true  Bind_Address = 172.16.0.1 }
        ^
        add a Topology "block" { interface = "..." } that holds it to the cluster scope"
    `);
  });

  it("is not longer than its line is of use", () => {
    const text = `${"x = 1 ".repeat(5000)}\n`;
    const { diagnostics } = parse(text);
    expect(diagnostics.length).toBe(5000);
    expect(Math.max(...diagnostics.map(({ line }) => line.length))).toBe(400);
    expect(diagnostics.map(formatDiagnostic).filter((said) => said.endsWith("^")).length).toBe(67);
  });
});

describe("the report of a check", () => {
  it("closes with what is wrong", () => {
    const report = checkReport("a.conf", parse("cluster { nodeaddr = 127.0.0.1 cidrmask = 1 }\nTimezone = UTC"));
    expect(report).toMatchObject({ valid: false, summary: null, errors: 2, warnings: 0, notes: 1 });
    expect(formatReport(report).split("\n").at(-1)).toBe("a.conf: not valid: 2 errors, 1 note");
  });

  it("closes with what is there", () => {
    const text = `${CLUSTER}Binding vip { Enable_Duravip = true Bind_Address = 10.1.1.1 }
      ESMTP_Listener { Listen "10.1.1.1:25" {} Listen "10.2.0.1:25" { Duravip_Follow = vip } }`;
    const report = checkReport("a.conf", parse(text));
    expect(report.summary).toEqual({ node: "node1", peers: 3, topologies: 2, bindings: 2, listens: 2, vips: 2 });
    expect(formatReport(report).split("\n").at(-1)).toBe(
      "a.conf: valid for node node1: 2 VIPs, 2 bindings, 2 listeners, 2 topologies, 3 peers (1 warning)",
    );
  });
});
