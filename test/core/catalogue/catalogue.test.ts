import { describe, expect, it } from "vitest";
import { catalogueOf, type Entry } from "../../../src/core/catalogue/catalogue.js";
import { CLUSTER, parse } from "../../config/texts.js";

function entries(text: string): Entry[] {
  const { config, diagnostics } = parse(CLUSTER + text);
  if (config === null) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return catalogueOf(config);
}

const BINDING = 'Binding "one" { Bind_Address = 10.1.1.1  Enable_Duravip = true  Duravip_Preference = node2 }\n';

describe("the catalogue", () => {
  it("has one entry for an address, whatever stands on it", () => {
    const listener = 'ESMTP_Listener { Listen "10.1.1.1:25" { Enable_Duravip = true } Listen "10.1.1.1:587" {} }';

    expect(entries(BINDING + listener)).toEqual([
      {
        address: "10.1.1.1",
        names: ["one"],
        services: ["ESMTP:25", "ESMTP:587", "multivip"],
        preferences: ["node2"],
        follows: null,
        topology: "10.1.1.0/24",
        policy: "available",
        failback: "immediate",
      },
    ]);
  });

  it("is sorted by address, as numbers", () => {
    const bindings = ["10.1.1.10", "10.2.0.1", "10.1.1.9"].map(
      (address) => `Binding "at-${address}" { Bind_Address = ${address}  Enable_Duravip = true }`,
    );

    expect(entries(bindings.join("\n")).map(({ address }) => address)).toEqual(["10.1.1.9", "10.1.1.10", "10.2.0.1"]);
  });

  it("lets a listener that follows a binding follow its address", () => {
    const listener = 'ESMTP_Listener { Listen "10.1.1.2:25" { Duravip_Follow = one } }';

    expect(entries(BINDING + listener)).toMatchObject([
      { address: "10.1.1.1", follows: null },
      { address: "10.1.1.2", follows: "10.1.1.1", services: ["ESMTP:25"], names: [] },
    ]);
  });

  it("says by which Topology each address is plumbed, the most specific first", () => {
    const inner = 'cluster { Topology "10.2.7.0/24" { interface = eth3 } }\n';
    const bindings = ["10.2.6.1", "10.2.7.1"].map(
      (address) => `Binding "at-${address}" { Bind_Address = ${address}  Enable_Duravip = true }`,
    );

    expect(entries(inner + bindings.join("\n")).map(({ topology }) => topology)).toEqual([
      "10.2.0.0/16",
      "10.2.7.0/24",
    ]);
  });

  it("leaves out what is no VIP", () => {
    const plain = 'Binding "plain" { Bind_Address = 10.1.1.7 }\nESMTP_Listener { Listen "10.1.1.8:25" {} }';

    expect(entries(plain)).toEqual([]);
  });
});
