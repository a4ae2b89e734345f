import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Option } from "../../src/config/options.js";
import { ROOT_RULE, type ScopeRule } from "../../src/config/schema.js";
import { findings, parse } from "./texts.js";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = read("docs/CONFIGURATION.md");

/** The line of a table that describes an option. */
function row({ name, aliases, type, shown, meaning }: Option<unknown>): string {
  const names = [name, ...aliases].map((spelling) => `\`${spelling}\``).join(", ");
  return `| ${names} | ${type.replaceAll("|", "\\|")} | \`${shown}\` | ${meaning} |`;
}

function scopesIn(rule: ScopeRule): ScopeRule[] {
  return [rule, ...rule.scopes.flatMap(scopesIn)];
}

/** The tables of the page, by the scope that their heading names. */
function tableOf(rule: ScopeRule): string[] {
  const heading = rule === ROOT_RULE ? "### Global options" : `### \`${rule.name}\` options`;
  const section = page.split(/^(?=### )/m).find((part) => part.startsWith(`${heading}\n`));
  return (section ?? "").split("\n").filter((line) => line.startsWith("| `"));
}

describe("docs/CONFIGURATION.md", () => {
  const withOptions = scopesIn(ROOT_RULE).filter(({ options }) => Object.keys(options).length > 0);

  it.each([...new Map(withOptions.map((rule) => [rule.name, rule]))])(
    "describes every option of %s, with type, default and meaning, and no other",
    (_, rule) => {
      expect(tableOf(rule)).toEqual(Object.values(rule.options).map(row));
    },
  );

  it("names every rule that the sources can report, and no other", () => {
    const ofConfig = readdirSync(new URL("../../src/config", import.meta.url)).map((name) => `src/config/${name}`);
    // What a check finds on the host itself.
    const sources = [...ofConfig, "src/cli/config-check.ts"].map(read);
    const reported = sources.flatMap((text) =>
      [...text.matchAll(/(?:(?:\.error|\.warn|\.note|\brefusal)\(\s*|\brule: )["`]([a-z$][\w${}-]*)["`]/g)].flatMap(
        ([, rule = ""]) => (rule === "unknown-${kind}" ? ["unknown-option", "unknown-scope"] : [rule]),
      ),
    );
    const rules = page.slice(page.indexOf("## Rules"), page.indexOf("## Options"));
    const named = [...rules.matchAll(/^\| (`.+?) \|/gm)].flatMap(([, cell = ""]) => cell.match(/[a-z0-9-]+/g) ?? []);
    expect([...named].sort()).toEqual([...new Set(reported)].sort());
  });

  it("shows a configuration that is valid as it stands", () => {
    const example = /^```\n(cluster \{.+?)^```/ms.exec(page)?.[1] ?? "";
    const files = { "/etc/node1/node-local.conf": "" };
    expect(findings(parse(example, files))).toEqual([]);
    expect(parse(example, files).config?.listens.length).toBe(2);
  });
});

describe("the schema", () => {
  it("gives no name two meanings in one scope", () => {
    for (const { name, options, scopes, refused = [] } of scopesIn(ROOT_RULE)) {
      const names = [...Object.values(options).flatMap((o) => [o.name, ...o.aliases]), ...scopes.map((s) => s.name)];
      const known = [...names, ...refused.map((r) => r.name)].map((known) => known.toLowerCase());
      expect(new Set(known).size, name).toBe(known.length);
    }
  });
});
