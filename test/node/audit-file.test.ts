import { appendFile, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OwnerChange } from "../../src/core/io.js";
import { AuditFile } from "../../src/node/audit-file.js";
import type { NodeEvent } from "../../src/node/node.js";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-audit-"));
});

afterEach(() => rm(directory, { recursive: true }));

const change = (epoch: number): OwnerChange => ({
  ranges: [
    { block: "", start: 0x0a010101, count: 3 },
    { block: "", start: 0x0a010201, count: 1 },
  ],
  count: 4,
  from: "n1",
  to: "n2",
  reason: "move",
  epoch,
  gapMs: 12.6,
});

const linesOf = async (path: string) =>
  (await readFile(path, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("an audit file", () => {
  it("gets an object a line with all addresses, behind what is there", async () => {
    const path = join(directory, "audit");
    await appendFile(path, '{"epoch":0}\n');
    const audit = new AuditFile(path, "n3", () => {});
    for (let epoch = 1; epoch <= 600; epoch++) audit.add(change(epoch));
    await audit.close();
    const lines = await linesOf(path);
    expect(lines.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 601 }, (_, i) => i));
    expect(lines[1]).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      node: "n3",
      addresses: "10.1.1.1-10.1.1.3 10.1.2.1",
      count: 4,
      from: "n1",
      to: "n2",
      reason: "move",
      epoch: 1,
      gapMs: 13,
    });
  });

  it("goes on in a new file when it is moved away", async () => {
    const path = join(directory, "audit");
    const audit = new AuditFile(path, "n3", () => {});
    audit.add(change(1));
    await audit.close();
    await rename(path, `${path}.1`);
    audit.add(change(2));
    await audit.close();
    expect(await linesOf(path)).toMatchObject([{ epoch: 2 }]);
    expect(await linesOf(`${path}.1`)).toMatchObject([{ epoch: 1 }]);
  });

  it("that cannot be written is told once, until it works again", async () => {
    const path = join(directory, "later", "audit");
    const events: NodeEvent[] = [];
    const audit = new AuditFile(path, "n3", (event) => events.push(event));
    for (const epoch of [1, 2]) {
      audit.add(change(epoch));
      await audit.close();
    }
    expect(events).toMatchObject([{ level: "error", code: "audit-failed", facts: { file: path } }]);
    await mkdir(join(directory, "later"));
    audit.add(change(3));
    await audit.close();
    await rm(join(directory, "later"), { recursive: true });
    audit.add(change(4));
    await audit.close();
    expect(events).toHaveLength(2);
  });

  it("keeps no more lines than a bound while the disk does not answer", async () => {
    const path = join(directory, "audit");
    const events: NodeEvent[] = [];
    const audit = new AuditFile(path, "n3", (event) => events.push(event));
    for (let epoch = 1; epoch <= 20_000; epoch++) audit.add(change(epoch));
    await audit.close();
    expect((await linesOf(path)).length).toBeLessThan(5_000);
    expect(events.map(({ code }) => code)).toEqual(["audit-failed"]);
  });
});
