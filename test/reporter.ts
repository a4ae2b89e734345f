import { writeFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule } from "vitest/node";

/** Names every skipped test with its reason, and writes the counts to the file that HOLDFAST_TEST_COUNTS names. */
export default class implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const skipped = tests.filter((test) => test.result().state === "skipped");
    for (const test of skipped) process.stdout.write(`skipped: ${test.fullName}${reasonOf(test)}\n`);

    // A file that does not load, and an error outside of any test, fail like a test.
    const broken = errors.length + modules.filter((module) => module.errors().length > 0).length;
    const failed = tests.filter((test) => test.result().state === "failed").length + broken;
    const passed = tests.filter((test) => test.result().state === "passed").length;
    const path = process.env["HOLDFAST_TEST_COUNTS"];
    if (path !== undefined) writeFileSync(path, JSON.stringify({ passed, failed, skipped: skipped.length }));
  }
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return result.state === "skipped" && result.note !== undefined ? `: ${result.note}` : "";
}
