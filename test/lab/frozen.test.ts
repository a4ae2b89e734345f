import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkMail } from "../../src/lab/checks.js";
import { Lab } from "../../src/lab/lab.js";
import { NODES } from "../../src/lab/plan.js";

let lab: Lab;

beforeEach(async () => {
  lab = await Lab.create();
});

afterEach(() => lab.network.remove());

/** Two kernels have an address while its owner is frozen; a connection that meets both takes half a minute to end. */
const LIMIT_MS = 300_000;

describe("a daemon that does not run for a while", { timeout: LIMIT_MS }, () => {
  it("is taken for dead, finds its way back when it runs again, and no mail is lost or doubled", async () => {
    const daemons = new Map(NODES.map((node) => [node, lab.cluster.start(node)]));
    expect((await lab.settle(NODES)).violations).toEqual([]);
    lab.startMail();
    expect(await lab.moreMail(50)).toBe(true);

    // Its addresses stay in its kernel, which goes on answering ARP for them.
    daemons.get("n2")?.kill("SIGSTOP");
    expect((await lab.settle(["n1", "n3"])).violations).toEqual([]);
    expect(await lab.moreMail(50)).toBe(true);

    daemons.get("n2")?.kill("SIGCONT");
    expect((await lab.settle(NODES)).violations).toEqual([]);
    expect(await lab.moreMail(50)).toBe(true);

    const { record, left } = await lab.drain();
    expect(left).toBe(0);
    expect(checkMail(record)).toEqual([]);
  });
});
