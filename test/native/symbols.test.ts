import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ADDON = join(import.meta.dirname, "../../build/Release/holdfast.node");

/** What RHEL 9 has; Debian 12 and Ubuntu 22.04 have more. On anything older npm compiles the addon. */
const NEWEST: Readonly<Record<string, string>> = { GLIBC: "2.34", GLIBCXX: "3.4.29", CXXABI: "1.3.13", GCC: "11.0" };

describe("the addon as it is compiled", () => {
  it("asks for no newer C and C++ library than the oldest system that it is shipped to", ({ skip }) => {
    if (!existsSync(ADDON)) skip("no addon in build/Release");
    const { stdout, error } = spawnSync("objdump", ["-T", ADDON], { encoding: "utf8" });
    if (error !== undefined) skip("no objdump (Debian: binutils)");

    const wanted = new Set(stdout.match(/\b(?:GLIBC|GLIBCXX|CXXABI|GCC)_[0-9.]+/g));
    expect(wanted.size).toBeGreaterThan(0);
    expect([...wanted].filter(isTooNew)).toEqual([]);
  });
});

function isTooNew(symbol: string): boolean {
  const [library = "", version = ""] = symbol.split("_");
  return version.localeCompare(NEWEST[library] ?? "", "en", { numeric: true }) > 0;
}
