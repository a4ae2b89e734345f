import { describe, expect, it } from "vitest";
import { Channel } from "../../../src/core/channel/channel.js";
import { encodeFrame } from "../../../src/core/channel/frames.js";
import type { ChannelOutput } from "../../../src/core/channel/io.js";
import { Cluster, FAILURE_MS, HEARTBEAT_MS, RECONNECT_MS } from "./cluster.js";
import { checkConverged, checkPromises } from "./promises.js";

const DELAY_MS = 2;
/** Longest way of a frame, each of: the connection's end, PROPOSE, FLUSH, INSTALL. */
const ROUND_MS = 4 * (DELAY_MS + 0.1) + 1;

/** What must not happen now and then is tried with many delays. */
const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);

function started(size: number, seed = 1): Cluster {
  const cluster = new Cluster(size, seed);
  cluster.delayMs = DELAY_MS;
  cluster.start(...cluster.names);
  cluster.until(() => cluster.together(cluster.names.join("")));
  cluster.advance(FAILURE_MS);
  return cluster;
}

/** Node b, whose only peer is a. */
function alone(): Channel {
  return new Channel({
    self: "b",
    incarnation: 1,
    peers: ["a", "b"],
    heartbeatIntervalMs: HEARTBEAT_MS,
    failureTimeoutMs: FAILURE_MS,
    reconnectIntervalMs: RECONNECT_MS,
    startedAt: 0,
  });
}

const kinds = (outputs: readonly ChannelOutput[]) => outputs.map(({ kind }) => kind);

function finish(cluster: Cluster): void {
  checkPromises(cluster);
  checkConverged(cluster);
}

describe("a refused peer", () => {
  const LASTS_MS = RECONNECT_MS + 2 * FAILURE_MS;
  const refused = (outputs: readonly ChannelOutput[]) =>
    outputs.flatMap((output) => (output.kind === "refused" ? [output.peers] : []));
  const events = (outputs: readonly ChannelOutput[]) =>
    outputs.flatMap((output) => (output.kind === "event" ? [output.event] : []));

  it("is there as long as attempts are refused, and for an attempt and two time-outs after the last", () => {
    const channel = alone();
    expect(refused(channel.step({ kind: "refused", at: 0, peer: "a", reason: "key" }))).toEqual([
      [{ peer: "a", reason: "key" }],
    ]);
    let at = 0;
    for (; at < 10 * LASTS_MS; at += HEARTBEAT_MS) {
      if (at % RECONNECT_MS === 0) channel.step({ kind: "refused", at, peer: "a", reason: "key" });
      expect(refused(channel.step({ kind: "wake", at }))).toEqual([]);
    }
    channel.step({ kind: "refused", at, peer: "a", reason: "key" });
    const end = at + LASTS_MS;
    for (; at < end; at = channel.deadline) expect(refused(channel.step({ kind: "wake", at }))).toEqual([]);
    expect(at).toBe(end);
    expect(refused(channel.step({ kind: "wake", at }))).toEqual([[]]);
  });

  it("is told with what to do, once a minute and for each reason", () => {
    const channel = alone();
    const told: number[] = [];
    for (let at = 0; at <= 120_000; at += RECONNECT_MS) {
      const said = events(channel.step({ kind: "refused", at, peer: "a", reason: "key" }));
      for (const event of said.filter(({ code }) => code === "peer-refused")) {
        told.push(at);
        expect(event.facts).toMatchObject({ peer: "a", reason: "key" });
        expect(event.facts["remedy"]).toContain("key_file");
      }
      channel.step({ kind: "wake", at });
    }
    expect(told).toEqual([0, 60_000, 120_000]);
    const other = events(channel.step({ kind: "refused", at: 120_001, peer: "a", reason: "version" }));
    expect(other).toMatchObject([{ code: "peer-refused", facts: { reason: "version" } }]);
  });

  it("is no longer one when its connection carries something; and is one whose connection ends before that", () => {
    const channel = alone();
    const reason = "key";
    channel.step({ kind: "refused", at: 0, peer: "a", reason });
    const first = channel.step({ kind: "opened", at: 1, link: 1, peer: "a", incarnation: 7 });
    expect(refused(first)).toEqual([]);
    expect(refused(channel.step({ kind: "closed", at: 2, link: 1 }))).toEqual([[{ peer: "a", reason: "name" }]]);
    channel.step({ kind: "opened", at: 3, link: 2, peer: "a", incarnation: 7 });
    const status = encodeFrame({ kind: "status", rows: [] });
    expect(refused(channel.step({ kind: "frame", at: 4, link: 2, bytes: status }))).toEqual([[]]);
    // Nor does a second program at its address make it one.
    expect(refused(channel.step({ kind: "refused", at: 5, peer: "a", reason }))).toEqual([]);
    expect(refused(channel.step({ kind: "closed", at: 6, link: 2 }))).toEqual([]);
  });

  it("is never one that is not configured", () => {
    expect(refused(alone().step({ kind: "refused", at: 0, peer: "x", reason: "key" }))).toEqual([]);
  });
});

describe("a start", () => {
  it("of all nodes makes one view as soon as all have found each other", () => {
    const cluster = new Cluster(4, 1);
    cluster.start("a", "b", "c", "d");
    expect(cluster.until(() => cluster.together("abcd"))).toBeLessThan(FAILURE_MS);
  });

  it("of one node waits for the others before it makes a view of that node alone", () => {
    const cluster = new Cluster(3, 1);
    cluster.start("b");
    expect(cluster.until(() => cluster.together("b"))).toBeGreaterThanOrEqual(2 * FAILURE_MS);
    expect(cluster.run("b")?.chapters[0]?.view).toMatchObject({ leader: "b", stayed: ["b"], quorate: false });
  });

  it("of one node whose peers refuse it makes a view of that node alone, and no later than any other", () => {
    const channel = alone();
    let at = 0;
    for (; at < 2 * FAILURE_MS; at += HEARTBEAT_MS) {
      expect(kinds(channel.step({ kind: "refused", at, peer: "a", reason: "key" }))).not.toContain("view");
      expect(kinds(channel.step({ kind: "wake", at }))).not.toContain("view");
    }
    expect(kinds(channel.step({ kind: "refused", at, peer: "a", reason: "key" }))).toContain("view");
  });

  it("of one more node brings it into the view of the others at once, with no view in between", () => {
    for (const seed of SEEDS) {
      const cluster = new Cluster(4, seed);
      cluster.start("a", "b", "c");
      cluster.until(() => cluster.together("abc"));
      cluster.advance(FAILURE_MS);
      const views = cluster.views("a").length;
      cluster.start("d");
      cluster.until(() => cluster.together("abcd"));
      expect(cluster.views("d")).toEqual(["abcd"]);
      expect(cluster.views("a").slice(views)).toEqual(["abcd"]);
      expect(cluster.run("a")?.chapters.at(-1)?.view.stayed).toEqual(["a", "b", "c"]);
    }
  });
});

describe("a process that dies", () => {
  for (const name of ["a", "c", "e"]) {
    it(`is out of the view in the time of four frames, whatever its place (${name})`, () => {
      for (const seed of SEEDS) {
        const cluster = started(5, seed);
        const rest = "abcde".replace(name, "");
        cluster.crash(name);
        expect(cluster.until(() => cluster.together(rest))).toBeLessThanOrEqual(ROUND_MS);
        cluster.advance(5 * FAILURE_MS);
        for (const other of rest) expect(cluster.views(other).slice(-2)).toEqual(["abcde", rest]);
      }
    });
  }

  it("is out of the view as fast when two die together", () => {
    const cluster = started(5);
    cluster.crash("a");
    cluster.crash("b");
    expect(cluster.until(() => cluster.together("cde"))).toBeLessThanOrEqual(ROUND_MS);
    for (const other of "cde") expect(cluster.views(other).slice(-2)).toEqual(["abcde", "cde"]);
  });

  it("comes back by one view, whoever finds it first", () => {
    for (const seed of SEEDS) {
      for (const name of "abd") {
        const cluster = started(4, seed);
        cluster.crash(name);
        cluster.advance(cluster.pick([20, 200, 800, 3000]));
        cluster.start(name);
        cluster.until(() => cluster.together("abcd"));
        cluster.advance(4 * FAILURE_MS);
        for (const other of "abcd".replace(name, "")) {
          expect(cluster.views(other).slice(-3), `seed ${seed}`).toEqual(["abcd", "abcd".replace(name, ""), "abcd"]);
        }
        expect(cluster.views(name), `seed ${seed}`).toEqual(["abcd"]);
      }
    }
  });

  it("is a new member when it comes back, also when nobody saw it gone", () => {
    const cluster = started(3);
    cluster.powerOff("c");
    cluster.start("c");
    cluster.until(() => cluster.run("c")?.chapters.length === 1 && cluster.together("abc"));
    expect(cluster.run("a")?.chapters.at(-1)?.view.stayed).toEqual(["a", "b"]);
    expect(cluster.run("c")?.chapters[0]?.view.stayed).toEqual(["c"]);
    finish(cluster);
  });

  it("comes back also with a clock that went back", () => {
    const cluster = started(3);
    cluster.crash("b");
    cluster.until(() => cluster.together("ac"));
    cluster.clockMs = -100_000;
    cluster.start("b");
    cluster.until(() => cluster.together("abc"), 2 * FAILURE_MS);
    cluster.advance(4 * FAILURE_MS);
    expect(cluster.views("b")).toEqual(["abc"]);
  });

  it("in the middle of its round leaves nobody waiting for the end of it", () => {
    const cluster = new Cluster(3, 1);
    cluster.start("b", "c");
    cluster.until(() => cluster.together("bc"));
    // The proposal gets to c, and not to b.
    cluster.clog("a", "b");
    cluster.start("a");
    cluster.advance(FAILURE_MS / 2);
    cluster.crash("a");
    cluster.multicast("c", textOf(cluster, "c"));
    cluster.until(() => cluster.run("b")?.chapters.at(-1)?.delivered.length === 1, ROUND_MS + DELAY_MS);
    expect(cluster.together("bc")).toBe(true);
  });

  it("as sequencer loses nothing that the survivors sent", () => {
    const cluster = started(4);
    for (let i = 0; i < 20; i++) for (const name of "abcd") cluster.multicast(name, `${textOf(cluster, name)} ${i}`);
    cluster.crash("a");
    cluster.until(() => cluster.together("bcd"));
    const last = cluster.run("b")!.chapters.at(-2)!;
    for (const name of "bcd") expect(last.delivered.filter((text) => text.startsWith(name))).toHaveLength(20);
    finish(cluster);
  });
});

describe("a host that falls silent", () => {
  it("is out of the view after the failure timeout, for all at the same time and by one view", () => {
    for (const seed of SEEDS) {
      const cluster = started(5, seed);
      cluster.powerOff("a");
      const took = cluster.until(() => cluster.together("bcde"));
      expect(took).toBeGreaterThan(FAILURE_MS - HEARTBEAT_MS - 1);
      expect(took).toBeLessThanOrEqual(FAILURE_MS + ROUND_MS);
      cluster.advance(5 * FAILURE_MS);
      for (const name of "bcde") expect(cluster.views(name).slice(-2)).toEqual(["abcde", "bcde"]);
    }
  });

  it("is given up earlier by those that hear that another member lost it", () => {
    const cluster = started(3);
    cluster.cut("a", "b");
    cluster.advance(FAILURE_MS / 2 - HEARTBEAT_MS);
    cluster.powerOff("a");
    const took = cluster.until(() => cluster.together("bc"));
    expect(took).toBeLessThanOrEqual(FAILURE_MS / 2 + HEARTBEAT_MS + ROUND_MS);
  });

  it("is cut off, and then is in a view of its own", () => {
    const cluster = started(3);
    cluster.isolate("a");
    cluster.until(() => cluster.together("bc") && cluster.together("a"), 2 * FAILURE_MS);
    expect(cluster.run("a")?.chapters.at(-1)?.view.quorate).toBe(false);
    expect(cluster.run("b")?.chapters.at(-1)?.view.quorate).toBe(true);
  });

  it("does not part company with the others link by link when the cut heals", () => {
    for (const seed of SEEDS) {
      const cluster = started(4, seed);
      cluster.isolate("a");
      cluster.until(() => cluster.together("bcd") && cluster.together("a"));
      cluster.advance(4 * FAILURE_MS);
      cluster.heal();
      cluster.until(() => cluster.together("abcd"));
      for (const name of "bcd") expect(cluster.views(name).slice(-3)).toEqual(["abcd", "bcd", "abcd"]);
      expect(cluster.run("c")?.chapters.at(-1)?.view.stayed).toEqual(["b", "c", "d"]);
      expect(cluster.run("a")?.chapters.at(-1)?.view.stayed).toEqual(["a"]);
      finish(cluster);
    }
  });
});

describe("a cut between two nodes", () => {
  for (const oneWay of [true, false]) {
    it(`${oneWay ? "in one direction " : ""}splits the view, everybody agreeing how`, () => {
      for (const seed of SEEDS) {
        const cluster = started(4, seed);
        cluster.cut("a", "b");
        if (!oneWay) cluster.cut("b", "a");
        cluster.until(() => cluster.together("acd") && cluster.together("b"), 4 * FAILURE_MS);
        cluster.advance(10 * FAILURE_MS);
        expect(cluster.together("acd") && cluster.together("b")).toBe(true);
        for (const name of "acd") expect(cluster.views(name).slice(-2)).toEqual(["abcd", "acd"]);
        cluster.heal();
        cluster.until(() => cluster.together("abcd"));
        finish(cluster);
      }
    });
  }

  it("costs the badly connected node its place, not those that it still reaches", () => {
    const cluster = started(5);
    for (const other of "bcd") {
      cluster.cut("a", other);
      cluster.cut(other, "a");
    }
    cluster.until(() => cluster.together("bcde") && cluster.together("a"), 4 * FAILURE_MS);
    expect(cluster.together("bcde")).toBe(true);
  });

  it("is noticed when datagrams still come but a connection carries nothing", () => {
    const cluster = started(3);
    cluster.clog("c", "a");
    cluster.until(() => cluster.together("ab") && cluster.together("c"), 5 * FAILURE_MS);
    cluster.heal();
    cluster.until(() => cluster.together("abc"));
    finish(cluster);
  });

  it("does not hold up a view for longer than two failure timeouts", () => {
    const cluster = started(3);
    cluster.clog("b", "a");
    cluster.crash("c");
    cluster.until(() => cluster.together("a"), 2 * FAILURE_MS + HEARTBEAT_MS + ROUND_MS);
  });

  it("goes unnoticed when only a connection broke and is made again", () => {
    const cluster = started(3);
    for (let i = 0; i < 5; i++) for (const name of "abc") cluster.multicast(name, `${textOf(cluster, name)} ${i}`);
    cluster.reset("a", "b");
    cluster.advance(4 * FAILURE_MS);
    expect(cluster.together("abc")).toBe(true);
    finish(cluster);
  });
});

describe("a connection that takes the place of another", () => {
  it("leads to a new view of the same members, in which nothing is lost", () => {
    for (const seed of SEEDS) {
      const cluster = started(3, seed);
      for (let i = 0; i < 5; i++) for (const name of "abc") cluster.multicast(name, `${textOf(cluster, name)} ${i}`);
      cluster.reconnect("a", "b");
      for (let i = 5; i < 9; i++) {
        cluster.advance(1);
        for (const name of "abc") cluster.multicast(name, `${textOf(cluster, name)} ${i}`);
      }
      cluster.advance(FAILURE_MS);
      expect(cluster.views("a").slice(-2)).toEqual(["abc", "abc"]);
      expect(cluster.runs.flatMap((run) => run.events.filter((event) => event.code === "peer-faulty"))).toEqual([]);
      finish(cluster);
    }
  });
});

describe("a node that did not run for a while", () => {
  it("does not suspect the others", () => {
    const cluster = started(3);
    const views = cluster.views("c").length;
    cluster.stall("c", FAILURE_MS - HEARTBEAT_MS - 50);
    cluster.advance(3 * FAILURE_MS);
    expect(cluster.views("c").length).toBe(views);
    expect(cluster.run("c")?.events.map((event) => event.code)).toContain("stalled");
  });

  it("is given up after the failure timeout, and comes back without a view of its own", () => {
    for (const seed of SEEDS) {
      const cluster = started(3, seed);
      cluster.stall("a", 4 * FAILURE_MS);
      cluster.until(() => cluster.together("bc"));
      cluster.until(() => cluster.together("abc"));
      const reasons = cluster.run("a")!.events.map((event) => event.facts["reason"]);
      expect(reasons.filter((reason) => reason !== undefined)).toEqual(["connection closed", "connection closed"]);
      expect(cluster.views("a").slice(-2)).toEqual(["abc", "abc"]);
      expect(cluster.run("a")?.chapters.at(-1)?.view.stayed).toEqual(["a"]);
      finish(cluster);
    }
  });
});

describe("a view", () => {
  it("lasts without any datagram, by what the connections carry", () => {
    const cluster = started(3);
    const views = cluster.views("a").length;
    cluster.loss = 1;
    cluster.advance(20 * FAILURE_MS);
    expect(cluster.views("a").length).toBe(views);
  });

  it("delivers much more than may be under way at once", () => {
    const cluster = started(3);
    const large = "x".repeat(1024 * 1024);
    for (let i = 0; i < 24; i++) cluster.multicast("b", `${textOf(cluster, "b")} ${i} ${large}`);
    const took = cluster.until(() => cluster.alive().every((run) => run.chapters.at(-1)?.delivered.length === 24));
    expect(took, "acknowledgements do not wait for heartbeats").toBeLessThan(20 * DELAY_MS);
    finish(cluster);
  });

  it("ends with all its messages for members that go into a merge, however far each had come", () => {
    const cluster = started(4);
    cluster.isolate("a");
    cluster.until(() => cluster.together("bcd") && cluster.together("a"));
    for (let i = 0; i < 20; i++) cluster.multicast("a", `${textOf(cluster, "a")} ${i}`);
    cluster.heal();
    cluster.clog("b", "d");
    for (let i = 0; i < 10; i++) cluster.multicast("b", `${textOf(cluster, "b")} ${i}`);
    cluster.until(() => cluster.together("abcd"));
    expect(cluster.run("d")?.chapters.at(-2)?.delivered).toHaveLength(10);
    finish(cluster);
  });

  it("ends for a member that leaves, after what it said", () => {
    const cluster = started(3);
    const text = `${textOf(cluster, "c")} goodbye`;
    cluster.multicast("c", text);
    cluster.leave("c");
    cluster.until(() => cluster.together("ab"), ROUND_MS);
    expect(cluster.run("b")?.chapters.at(-2)?.delivered).toEqual([text]);
    expect(cluster.run("b")?.events.at(-1)).toMatchObject({ code: "peer-left", facts: { peer: "c" } });
  });
});

describe("a peer that breaks the protocol", () => {
  const view = { counter: 1, coordinator: "a", incarnation: 1 };
  const payload = new Uint8Array(8 * 1024 * 1024);

  it("is given up and reported, and the view goes on without it", () => {
    const cluster = started(3);
    cluster.inject("b", "a", new Uint8Array([200, 1, 2, 3]));
    cluster.until(() => cluster.run("a")?.events.at(-1)?.code === "peer-faulty", ROUND_MS);
    cluster.advance(4 * FAILURE_MS);
    finish(cluster);
  });

  it("cannot propose in the name of another", () => {
    const cluster = started(3);
    cluster.inject("b", "a", encodeFrame({ kind: "propose", round: view, members: ["a"], view, delivered: 0 }));
    cluster.until(() => cluster.run("a")?.events.at(-1)?.code === "peer-faulty", ROUND_MS);
  });

  it("is ignored in what it says of views that are over", () => {
    const cluster = started(3);
    const message = { seq: 9, from: "b", number: 9, payload };
    cluster.inject("b", "a", encodeFrame({ kind: "submit", view, number: 7, payload }));
    cluster.inject("a", "b", encodeFrame({ kind: "ordered", view, stable: 0, message }));
    cluster.inject("a", "b", encodeFrame({ kind: "carry", round: view, message }));
    cluster.inject("a", "b", encodeFrame({ kind: "install", round: view, members: [{ name: "b", view }] }));
    cluster.advance(FAILURE_MS);
    expect(cluster.run("a")?.events.map((event) => event.code)).not.toContain("peer-faulty");
    expect(cluster.run("b")?.events.map((event) => event.code)).not.toContain("peer-faulty");
    finish(cluster);
  });

  it("and sends without end while it acknowledges nothing is given up", () => {
    const cluster = started(2);
    const { view: last } = cluster.run("a")!.chapters.at(-1)!;
    const round = { counter: last.seq, coordinator: "a", incarnation: cluster.run("a")!.incarnation };
    cluster.stall("b", 2 * FAILURE_MS);
    for (let number = 1; number <= 9; number++) {
      cluster.inject("b", "a", encodeFrame({ kind: "submit", view: round, number, payload }));
    }
    cluster.until(() => cluster.run("a")?.events.at(-1)?.code === "peer-slow", ROUND_MS);
  });
});

/** What the promises' check expects a message to begin with: its sender's name and incarnation. */
function textOf(cluster: Cluster, name: string): string {
  return `${name}${cluster.run(name)!.incarnation}`;
}
