import { beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../src/lab/lab.js";
import { remains } from "../../src/lab/namespaces.js";
import { renderReport } from "../../src/lab/report.js";
import { playStory, type StoryReport } from "../../src/lab/story.js";

let report: StoryReport;
let left: readonly string[];

beforeAll(async () => {
  const lab = await Lab.create();
  const lines: string[] = [];
  let ok = false;
  try {
    report = await playStory(lab, (line) => lines.push(line));
    ok = report.ok;
  } finally {
    if (!ok) process.stderr.write(`${lines.join("\n")}\nlogs: ${lab.network.keepDirectory()}\n`);
    await lab.network.remove();
    left = remains();
  }
}, 300_000);

describe("the story of three nodes and 60 VIPs", () => {
  it("keeps every promise, through crash, cut-off, rejoin, move and departure", () => {
    expect(report.ok, renderReport(report)).toBe(true);
  });

  it("has every address answered again after each phase", () => {
    for (const { name, moved, disturbed } of report.phases) {
      expect(
        [...moved, ...disturbed].filter((outage) => outage.answeringMs === null),
        name,
      ).toEqual([]);
    }
  });

  it("moves what it says it moves: a dead node's addresses, and an address with its follower", () => {
    const moved = new Map(report.phases.map((phase) => [phase.name, phase.moved]));
    expect(moved.get("crash")?.length).toBeGreaterThanOrEqual(18);
    expect(moved.get("cut-off")?.length).toBeGreaterThanOrEqual(18);
    // Balance may give another one back for them.
    expect(moved.get("move")?.map(({ address }) => address)).toEqual(
      expect.arrayContaining(["10.1.1.30", "10.1.1.40"]),
    );
  });

  it("has mail flow all the while, some of it from node to node", () => {
    expect(report.mail.accepted).toBeGreaterThan(400);
    expect(report.mail.movedBetweenNodes).toBeGreaterThan(0);
  });

  it("leaves nothing behind", () => {
    expect(left).toEqual([]);
  });
});
