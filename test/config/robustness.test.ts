/** Whatever the text, parsing ends, throws nothing, and gives a configuration or says why not. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConfigResult, formatDiagnostic } from "../../src/config/index.js";
import { AROUND_EVERYTHING, CHAPTER, CLUSTER, EVERYTHING, parse } from "./texts.js";

function holds(result: ConfigResult): void {
  const errors = result.diagnostics.filter(({ severity }) => severity === "error");
  expect(result.config === null).toBe(errors.length > 0);
  for (const diagnostic of result.diagnostics) {
    expect(diagnostic.at.line).toBeGreaterThan(0);
    expect(diagnostic.at.column).toBeGreaterThan(0);
    expect(formatDiagnostic(diagnostic)).toContain(diagnostic.message);
  }
}

const WORDS = [
  ..."{ } ( ) [ ] = # /* */ \" ' \\ /".split(" "),
  "\n",
  " ",
  ..."cluster Topology interface eth1 ESMTP_Listener Listen Binding Binding_Group Domain include msgc_server".split(
    " ",
  ),
  ..."peers node1 key_file /k Enable_Duravip Duravip_Follow Duravip_Preference Bind_Address true default".split(" "),
  ..."10.1.1.1 10.1.1.1:25 10.1.1.0/24 ::1 [::1]:25 *:25 Gateway Routes Relay_Hosts cidrmask 32 -1".split(" "),
  "\u0000",
  "__proto__",
  "constructor",
];

describe("any text", () => {
  it("of random characters is survived", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => holds(parse(text))),
      { numRuns: 300 },
    );
  });

  it("of random words of the language is survived", () => {
    const soup = fc.array(fc.constantFrom(...WORDS), { maxLength: 120 });
    fc.assert(
      fc.property(soup, fc.constantFrom("", " "), (words, between) => holds(parse(words.join(between)))),
      { numRuns: 600 },
    );
  });

  it("that was valid and had pieces cut, doubled, swapped or replaced is survived", () => {
    const valid = [EVERYTHING, CLUSTER + Object.values(CHAPTER).join("")];
    const edit = fc.tuple(fc.nat(3000), fc.nat(40), fc.constantFrom(...WORDS), fc.constantFrom("cut", "double", "put"));
    fc.assert(
      fc.property(fc.constantFrom(...valid), fc.array(edit, { minLength: 1, maxLength: 8 }), (text, edits) => {
        let mutated = text;
        for (const [at, length, word, how] of edits) {
          const from = at % (mutated.length + 1);
          const piece = { cut: "", double: mutated.slice(from, from + length).repeat(2), put: word }[how];
          mutated = mutated.slice(0, from) + piece + mutated.slice(from + length);
        }
        holds(parse(mutated, AROUND_EVERYTHING));
      }),
      { numRuns: 600 },
    );
  });

  it("that breaks one stanza still has the others checked", () => {
    const good = 'Binding "fine" { Bind_Address = 10.1.1.2 }\n';
    const last = "nonsense_at_the_end = 1\n";
    const stanza = fc.array(fc.constantFrom("=", "(", ")", "[", "]", "x", "1", "y = 2", "\n"), { maxLength: 20 });
    fc.assert(
      fc.property(stanza, (words) => {
        const { diagnostics } = parse(`${good}Binding "bad" { ${words.join(" ")} }\n${last}`);
        expect(diagnostics.map(({ message }) => message)).toContain(
          "nonsense_at_the_end is not an option of the global scope",
        );
      }),
      { numRuns: 300 },
    );
  });
});

describe("a large configuration", () => {
  /** `count` VIPs, each with a listener that follows it by name: every rule has work. */
  function large(count: number): string {
    const address = (first: number, index: number) => `${first}.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
    const blocks =
      'cluster { Topology "10.0.0.0/8" { interface = eth1 } Topology "11.0.0.0/8" { interface = eth1 } }\n';
    const bindings = Array.from(
      { length: count },
      (_, i) => `Binding "vip-${i}" {\n  Enable_Duravip = true\n  Bind_Address = "${address(10, i)}"\n}\n`,
    );
    const listens = Array.from(
      { length: count },
      (_, i) => `  Listen "${address(11, i)}:25" { Duravip_Follow = "vip-${i}" }\n`,
    );
    return `${blocks}${bindings.join("")}ESMTP_Listener {\n${listens.join("")}}\n`;
  }

  /** Processor time, which other load on the machine does not stretch as it does the clock's. */
  function costMs(count: number): number {
    const text = large(count);
    const before = process.cpuUsage();
    const { config } = parse(text);
    const { user, system } = process.cpuUsage(before);
    expect(config?.bindings.length).toBe(count + 1);
    return (user + system) / 1000;
  }

  it("of 40,000 bindings and as many followers costs in proportion to its size", () => {
    costMs(5000);
    const [small, big] = [costMs(10_000), costMs(40_000)];
    // Four times the text; a quadratic step anywhere would make it sixteen.
    expect(big, `10,000 took ${Math.round(small)} ms`).toBeLessThan(10 * small);
  });

  it.each([
    ["addresses outside every Topology", /(?<=Bind_Address = ")10/g, "12", "outside-topology"],
    ["names to follow that are none", /(?<=Follow = ")vip/g, "vpi", "follow-unknown"],
    ["addresses to follow that are none", /(?<=Follow = ")vip-[0-9]+/g, "10.255.255.255", "follow-unknown"],
    [
      "preferred nodes that are no peers",
      /Enable_Duravip = true/g,
      "$&\n  Duravip_Preference = nod1",
      "unknown-preference",
    ],
    ["options that are none", /Enable_Duravip/g, "Enabel_Duravip", "unknown-option"],
    ["Listens with no port", /:25"/g, '"', "listen-address"],
    ["bindings of one name", /(?<=Binding "vip)-[0-9]+/g, "", "duplicate-binding"],
  ])("of 20,000 %s has each reported, without delay", (_, good, bad, rule) => {
    const peers = "msgc_server { peers = [ node1 = 192.168.0.1 ] }\n";
    const before = process.cpuUsage().user;
    const { diagnostics } = parse(peers + large(20_000).replaceAll(good, bad));
    expect(diagnostics.filter((diagnostic) => diagnostic.rule === rule).length).toBeGreaterThanOrEqual(19_999);
    expect((process.cpuUsage().user - before) / 1e6, "seconds of processor time").toBeLessThan(8);
  });
});
