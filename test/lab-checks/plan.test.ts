import { describe, expect, it } from "vitest";
import { formatDiagnostic, parseConfig } from "../../src/config/index.js";
import { configText, FOLLOWER, lanes, NODES, VIPS } from "../../src/lab/plan.js";

const FILES = { keyFile: "/lab/cluster.key", spoolDirectory: "/lab/spool", controlSocket: "/lab/n.sock" };

function parse(node: string) {
  const reader = { readFile: () => configText(node, FILES), readDirectory: () => null };
  return parseConfig("/lab/n.conf", { reader, nodename: node });
}

describe("the lab's plan", () => {
  it.each(NODES)("is a configuration of %s that holdfast has nothing to say about", (node) => {
    const { config, diagnostics } = parse(node);
    expect(diagnostics.map(formatDiagnostic)).toEqual([]);
    expect(config?.topologies.map(({ plumbing, lifeline }) => [plumbing, lifeline])).toEqual([
      ["address", true],
      ["route", true],
    ]);
    expect(config?.bindingGroups.find(({ name }) => name === "pool")?.bindings).toEqual(["b01", "b02", "b03"]);
  });

  it("has 60 VIPs with a listener each, one of them a follower", () => {
    const listens = parse("n1").config?.listens ?? [];
    const vips = new Set(VIPS.map((vip) => vip.address));
    expect(vips.size).toBe(60);
    expect(listens.filter(({ endpoint }) => vips.has(endpoint.host))).toHaveLength(60);
    expect(listens.filter(({ follow }) => follow !== null)).toMatchObject([
      { endpoint: { host: FOLLOWER.address }, follow: { address: FOLLOWER.leader } },
    ]);
  });

  it("sends mail for every binding through every kind of listener", () => {
    const bindings = VIPS.filter((vip) => vip.binding !== null).map((vip) => vip.address);
    for (const lane of lanes().slice(VIPS.length)) {
      expect(new Set(lane.mail.flatMap((mail) => mail.sources))).toEqual(new Set(bindings));
    }
  });
});
