import { describe, expect, it } from "vitest";
import type { Row } from "../../../src/core/channel/frames.js";
import { Graph } from "../../../src/core/channel/graph.js";
import { NO_ROUND } from "../../../src/core/channel/round.js";

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

describe("the graph", () => {
  it("takes newer rows, and says which were news", () => {
    const graph = new Graph(row("a", 1, "b"));
    const news = [row("b", 5, "a"), row("c", 2, "")];
    expect(graph.learn(news)).toEqual(news);
    expect(graph.learn([row("b", 5, ""), row("c", 1, "a")])).toEqual([]);
    expect(graph.component(0)).toEqual(["a", "b"]);
  });

  it("outbids what an earlier run said of its own node", () => {
    const graph = new Graph(row("a", 10, "b"));
    expect(graph.learn([row("a", 99, "")])).toEqual([row("a", 100, "b")]);
    expect(graph.change({ reach: new Map([["c", 1]]) })).toEqual(row("a", 101, "c"));
  });

  it("knows who needs a row from us: those that do not reach its node themselves", () => {
    const graph = new Graph(row("a", 1, "bc"));
    graph.learn([row("b", 1, "ac"), row("c", 1, "ab"), row("d", 1, "")]);
    expect(["b", "c", "d", "x"].map((peer) => graph.needs(peer, row("c", 2, "b")))).toEqual([false, false, true, true]);
    expect(graph.needs("b", row("c", 2, ""))).toBe(true);
  });

  it("forgets what an earlier run of a peer said once it meets the next, and takes it from nobody", () => {
    const graph = new Graph(row("a", 1, "b"));
    const old = row("b", 5, "a");
    graph.learn([old]);
    graph.meet("b", 2);
    expect(graph.component(0)).toEqual(["a"]);
    expect(graph.learn([{ ...old, version: 9 }])).toEqual([]);
    expect(graph.learn([{ ...old, incarnation: 2 }])).toHaveLength(1);
    graph.change({ reach: new Map([["b", 2]]) });
    expect(graph.component(0)).toEqual(["a", "b"]);
  });

  it("reckons without a lost peer for a while", () => {
    const graph = new Graph(row("b", 1, "c"));
    graph.learn([row("a", 1, "bc"), row("c", 1, "ab")]);
    graph.lose("a", 100);
    expect(graph.component(99)).toEqual(["b", "c"]);
    expect(graph.component(100)).toEqual(["b"]);
  });

  it("holds no more rows than a cluster may have nodes", () => {
    const graph = new Graph(row("a", 1, ""));
    for (let i = 0; i < 1000; i++) graph.learn([row(`n${i}`, 1, "")]);
    expect(graph.rows().length).toBe(256);
  });
});
