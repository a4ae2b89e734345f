import { beforeEach, describe, expect, it } from "vitest";
import { Channel } from "../../../src/core/channel/channel.js";
import { decodeFrame, encodeFrame, type Frame, type Row } from "../../../src/core/channel/frames.js";
import type { ChannelInput, ChannelOutput } from "../../../src/core/channel/io.js";
import { NO_ROUND, type RoundId } from "../../../src/core/channel/round.js";

/** Node c with a link 1 to a and a link 2 to b, both in their first run; heartbeats each 100 ms, time-out 500 ms. */
let channel: Channel;

beforeEach(() => {
  const setup = {
    self: "c",
    incarnation: 1,
    peers: ["a", "b", "c"],
    heartbeatIntervalMs: 100,
    failureTimeoutMs: 500,
    reconnectIntervalMs: 1000,
  };
  channel = new Channel({ ...setup, startedAt: 0 });
  feed({ kind: "opened", at: 0, link: 1, peer: "a", incarnation: 1 });
  feed({ kind: "opened", at: 0, link: 2, peer: "b", incarnation: 1 });
});

function feed(input: ChannelInput): ChannelOutput[] {
  return channel.step(input);
}

/** @returns the kinds of the frames that went out in answer. */
function hear(link: number, at: number, ...frames: Frame[]): (string | undefined)[] {
  const outputs = frames.flatMap((frame) => feed({ kind: "frame", at, link, bytes: encodeFrame(frame) }));
  return outputs.flatMap((output) => (output.kind === "send" ? [decodeFrame(output.bytes)?.kind] : []));
}

function status(...rows: Row[]): Frame {
  return { kind: "status", rows };
}

function row(name: string, version: number, reach: string): Row {
  return {
    name,
    incarnation: 1,
    version,
    reach: new Map(reach.split("").map((peer) => [peer, 1])),
    view: NO_ROUND,
    promised: NO_ROUND,
    passed: [],
    past: [],
  };
}

function propose(counter: number, coordinator: string, members: string): Frame {
  const round: RoundId = { counter, coordinator, incarnation: 1 };
  return { kind: "propose", round, members: members.split(""), view: NO_ROUND, delivered: 0 };
}

describe("a node", () => {
  it("answers a proposal once its graph agrees with its members, and not before", () => {
    expect(hear(1, 10, status(row("a", 1, "bc")), propose(5, "a", "abc"))).not.toContain("flush");
    expect(hear(2, 10, status(row("b", 1, "ac")))).toContain("flush");
  });

  it("answers only rounds of higher counters than it has promised, whoever leads them", () => {
    hear(2, 10, status(row("b", 1, "ac")));
    expect(hear(1, 10, status(row("a", 1, "bc")), propose(5, "a", "abc"))).toContain("flush");
    feed({ kind: "closed", at: 20, link: 1 });
    expect(hear(2, 20, status(row("b", 2, "c")), propose(5, "b", "bc"))).not.toContain("flush");
    expect(hear(2, 20, propose(6, "b", "bc"))).toContain("flush");
  });

  it("doubts no member because another one was restarted and has not met it yet", () => {
    const members = ["a", "b", "c"].map((name) => ({ name, view: NO_ROUND }));
    hear(2, 10, status(row("b", 1, "ac")));
    hear(1, 10, status(row("a", 1, "bc")), propose(5, "a", "abc"));
    hear(1, 10, { kind: "install", round: { counter: 5, coordinator: "a", incarnation: 1 }, members });
    feed({ kind: "closed", at: 20, link: 2 });
    feed({ kind: "opened", at: 20, link: 3, peer: "b", incarnation: 2 });
    hear(3, 20, status({ ...row("b", 2, "c"), incarnation: 2 }));
    const closed = (at: number) => feed({ kind: "wake", at }).filter(({ kind }) => kind === "close");

    for (let at = 100; at < 500; at += 100) expect(closed(at), `at ${at}`).toEqual([]);
    expect(closed(510)).toEqual([{ kind: "close", link: 1, reason: "silent for 500 ms" }]);
  });

  it("takes heartbeats for signs of life only of the run that it has a link to", () => {
    for (let at = 100; at < 500; at += 100) {
      feed({ kind: "wake", at });
      feed({ kind: "heartbeat", at, peer: "a", incarnation: 2 });
      feed({ kind: "heartbeat", at, peer: "b", incarnation: 1 });
    }
    const lost = feed({ kind: "wake", at: 500 }).filter((output) => output.kind === "close");
    expect(lost).toEqual([{ kind: "close", link: 1, reason: "silent for 500 ms" }]);
  });

  it("sends its heartbeats also when nothing but frames is fed", () => {
    const outputs: ChannelOutput[] = [];
    for (let at = 10; at <= 1000; at += 10) {
      outputs.push(...feed({ kind: "heartbeat", at, peer: "a", incarnation: 1 }));
      outputs.push(...feed({ kind: "heartbeat", at, peer: "b", incarnation: 1 }));
    }
    expect(outputs.filter((output) => output.kind === "heartbeat").length).toBeGreaterThanOrEqual(10);
  });

  it("says once that it stalled, and after it left nothing at all", () => {
    feed({ kind: "wake", at: 0 });
    const codes = [900, 900, 901]
      .flatMap((at) => feed({ kind: "wake", at }))
      .filter((output) => output.kind === "event");
    expect(codes.map((output) => output.event)).toEqual([{ code: "stalled", level: "warn", facts: { ms: 800 } }]);
    const left = feed({ kind: "leave", at: 910 });
    expect(left.map((output) => output.kind === "send" && decodeFrame(output.bytes)?.kind)).toEqual(["leave", "leave"]);
    expect(feed({ kind: "wake", at: 2000 })).toEqual([]);
  });

  it("refuses a link to a node that is no peer", () => {
    const outputs = feed({ kind: "opened", at: 10, link: 3, peer: "x", incarnation: 1 });
    expect(outputs).toEqual([{ kind: "close", link: 3, reason: "not a configured peer" }]);
  });
});
