import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/console/registry.js";
import { usage } from "../../src/console/command.js";
import { filesUnder, headings, read } from "./source-files.js";

const page = read("docs/OPERATING.md");

describe("every console command", () => {
  it("has a section in docs/OPERATING.md, and there is no section without a command", () => {
    const sections = headings(page, 3);
    expect([...sections].sort()).toEqual(COMMANDS.map(({ name }) => name).sort());
  });

  it("shows its parameters there as it takes them", () => {
    for (const command of COMMANDS.filter(({ name, parameters }) => parameters !== "" && name !== "help")) {
      expect(page).toContain(`\`${usage(command)}\``);
    }
  });

  it("has a file of its own", () => {
    expect(filesUnder("src/console/commands", ".ts")).toHaveLength(COMMANDS.length);
  });

  it("says in one line what it does, a verb first", () => {
    for (const { summary } of COMMANDS) expect(summary).toMatch(/^[a-z]+ [^\n]{10,75}[^.\n]$/);
  });
});
