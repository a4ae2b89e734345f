import { describe, expect, it } from "vitest";
import type { Outage } from "../../src/lab/outages.js";
import { renderReport } from "../../src/lab/report.js";
import type { PhaseReport, StoryReport } from "../../src/lab/story.js";

const away = (ms: number | null): Outage => ({
  address: "10.1.1.1",
  from: "n1",
  to: ms === null ? null : "n2",
  acceptingMs: ms,
  answeringMs: ms === null ? null : ms + 100,
});

function story(change: Partial<PhaseReport> = {}): StoryReport {
  const crash: PhaseReport = {
    name: "crash",
    what: "SIGKILL of n1's daemon",
    settledMs: 700,
    owned: { n2: ["10.1.1.1", "10.1.1.2"], n3: ["10.1.1.3"] },
    moved: [away(20), away(40), away(90)],
    disturbed: [],
    violations: [],
    ...change,
  };
  const mail = { accepted: 500, delivered: 501, refused: { ECONNREFUSED: 3 }, movedBetweenNodes: 40, twiceInDoubt: 1 };
  return { ok: true, firstAnswerMs: 900, lastAnswerMs: 1_200, phases: [crash], mail: { ...mail, violations: [] } };
}

describe("the report of a story", () => {
  it("has a row a phase: who owns how many, how many moved, how long they were away", () => {
    expect(renderReport(story()).split("\n").slice(0, 2)).toEqual([
      "phase  what                    n2  n3  moved  away min  median  max     no accept max  disturbed  checks",
      "crash  SIGKILL of n1's daemon  2   1   3      120 ms    140 ms  190 ms  90 ms          -          held",
    ]);
  });

  it("ends with the figures that have goals, and what became of the mail", () => {
    expect(renderReport(story()).split("\n").slice(-7)).toEqual([
      "first VIP answered 900 ms after the first daemon's start, the last 1200 ms",
      "from SIGKILL of a daemon to the last of its VIPs answering elsewhere: 190 ms",
      "from cutting a host off to the last of its VIPs answering elsewhere: not seen",
      "gap of an address in a planned move: not seen",
      "mail: 500 messages got a 250, 501 arrived, 40 moves between nodes, 1 came twice having been logged as in doubt",
      "      3 were not accepted and are nobody's promise:",
      "           3  ECONNREFUSED",
    ]);
  });

  it("shows an address that never came back, and what did not hold", () => {
    const violations = [{ check: "one-home", subject: "10.1.1.1", expected: "plumbed by n2 alone", seen: "nobody" }];
    const text = renderReport(story({ moved: [away(null)], violations }));
    expect(text).toContain("for good");
    expect(text).toContain("1 FAILED");
    expect(text).toContain("FAILED in phase crash:\n  one-home 10.1.1.1: expected plumbed by n2 alone; saw nobody");
  });
});
