import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cannotTun, compiled, Namespace } from "./namespace.js";

describe.skipIf(cannotTun !== null)(`a batch under way${cannotTun === null ? "" : ` (${cannotTun})`}`, () => {
  let host: Namespace;
  beforeAll(async () => {
    host = await Namespace.create();
  });
  afterAll(() => host.close());

  it("survives the end of its worker thread, whose lifeline and sockets go, and the end of its process", async () => {
    const program = host.start([process.execPath, compiled("teardown")]);
    const [output, errors, [status]] = await Promise.all([
      text(program.stdout),
      text(program.stderr),
      once(program, "exit"),
    ]);
    expect({ errors, status }).toEqual({ errors: "", status: 3 });
    expect(JSON.parse(output)).toEqual({
      // And one for what the monitor is told, at least.
      during: { names: ["lo", "hf7"], sockets: expect.toSatisfy((count) => count > 100) },
      after: { names: ["lo"], sockets: 0 },
    });
    const left = (await host.run("ip -o -4 address show dev lo")).trim().split("\n").length;
    expect(left).toBeGreaterThan(1);
    expect(left).toBeLessThan(100_000);
  });
});
