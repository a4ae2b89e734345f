import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage } from "../../../src/core/wire/messages.js";
import type { Cluster } from "../../../src/sim/cluster.js";
import { addressOf, alike, cluster, loads, recorded, rested, row, started, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];

/** Kinds of all messages that are sent from now on, with who sends them and how long they are. */
function sent(some: Cluster) {
  const messages: { on: string; kind: string; bytes: number }[] = [];
  some.onStep = ({ name }, _, outputs) => {
    for (const output of outputs) {
      if (output.kind !== "multicast") continue;
      const message = decodeMessage(output.payload);
      if (typeof message === "object" && message !== null)
        messages.push({ on: name, kind: message.kind, bytes: output.payload.length });
    }
  };
  return messages;
}

describe("members that configure the same", () => {
  it("do not tell each other what that is, when they meet and when one comes back", () => {
    const three = alike(ABC, vips(60));
    const messages = sent(three);
    started(three);
    three.die("c", "killed");
    rested(three);
    three.start("c");
    rested(three);

    expect(messages.filter(({ kind }) => kind === "catalogue")).toEqual([]);
    expect(Math.max(...messages.filter(({ kind }) => kind === "announce").map(({ bytes }) => bytes))).toBeLessThan(400);
  });
});

describe("a member that configures something else", () => {
  it("says it, the others what they have, each once and one of them for all", () => {
    const three = cluster({ a: vips(6), b: vips(6), c: vips(9) });
    three.start("a", "b");
    rested(three);
    const messages = sent(three);
    three.start("c");
    rested(three);

    expect(messages.flatMap(({ kind, on }) => (kind === "catalogue" ? [on] : [])).sort()).toEqual(["a", "c"]);
    expect(three.homes()[addressOf(9)]).toBe("c");
  });

  it("does not say it again to those that know it by now", () => {
    const two = started(cluster({ a: vips(6), b: vips(9) }));
    const messages = sent(two);
    two.cut(["a"], ["b"]);
    two.run(3_000);
    two.heal();
    rested(two);

    expect(messages.filter(({ kind }) => kind === "catalogue").map(({ on }) => on)).toEqual([]);
    expect(Object.keys(two.homes())).toHaveLength(9);
  });
});

describe("a table that is not that of the others", () => {
  it("is found, told, and made anew from what everybody has", () => {
    const three = started(alike(ABC, vips(9)));
    const steps = recorded(three);
    const broken = row(three, "b", 1);
    const owner = broken?.owner ?? "";
    three.daemons.get("b")?.core.ownership.loads.change(addressOf(1), (own) => {
      own.owner = owner === "a" ? "c" : "a";
      return true;
    });
    three.run(2 * three.options.viewBalanceIntervalMs);
    rested(three);

    const events = steps.flatMap(({ on, outputs }) =>
      outputs.flatMap((output) =>
        output.kind === "event" ? [`${on} ${output.code} ${output.facts["node"] ?? ""}`] : [],
      ),
    );
    expect(events).toContain("b table-diverged a");
    expect(events).toContain("a table-diverged b");
    expect(events).not.toContain("a table-diverged c");
    expect(row(three, "b", 1)?.owner).toBe(owner);
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });

  it("costs two short messages for each round of balance while there is none", () => {
    const three = started(alike(ABC, vips(9)));
    const messages = sent(three);
    three.run(5 * three.options.viewBalanceIntervalMs);

    expect(messages.filter(({ kind }) => kind === "check" || kind === "digest").length).toBeLessThanOrEqual(10);
    expect(messages.every(({ kind, bytes }) => ["check", "digest"].includes(kind) && bytes < 8)).toBe(true);
  });
});

/** What a node of another version says, as far as this one sees it. */
function speaking(some: Cluster, names: readonly string[], least: number, most: number): void {
  some.rewrite = (name, payload) => {
    if (!names.includes(name)) return [payload];
    const message = decodeMessage(payload);
    if (message === null || message === "unknown") return [payload];
    const own = message.kind === "announce" ? { ...message, speaks: { least, most } } : message;
    // Fields behind the known ones, and messages of which this version knows nothing.
    return [Uint8Array.of(...encodeMessage(own), 7, 7, 7), Uint8Array.of(222, 1, 2, 3)];
  };
}

describe("an upgrade node by node", () => {
  it("goes on with members of both versions in one view, whose messages hold more than the older one knows", () => {
    const three = alike(ABC, vips(9));
    const upgraded: string[] = [];
    speaking(three, upgraded, 1, 2);
    started(three);
    for (const name of ABC) {
      three.leave(name);
      three.runUntil(() => (three.daemons.has(name) ? `${name} is there` : null), 20_000);
      upgraded.push(name);
      three.start(name);
      rested(three);
      expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
    }

    expect(three.measures.counts["event message-malformed"]).toBeUndefined();
    expect(three.measures.counts["event version-differs"]).toBeUndefined();
  });

  it("that goes too far leaves the member out that nobody understands, and the view stands", () => {
    const three = alike(ABC, vips(9));
    speaking(three, ["c"], 2, 3);
    const steps = recorded(three);
    started(three);

    const told = steps.flatMap(({ on, outputs }) =>
      outputs.flatMap((output) =>
        output.kind === "event" && output.code === "version-differs" ? [[on, output.facts]] : [],
      ),
    );
    expect(told).toContainEqual(["a", { node: "c", least: 2, most: 3 }]);
    expect(Object.values(loads(three)).sort((x, y) => x - y)).toEqual([4, 5]);
    expect(three.hosts.get("c")?.plumbed().size).toBe(0);
    expect(three.daemons.get("a")?.core.ownership.view?.members).toEqual(ABC);
  });
});
