import { afterEach, describe, expect, it, vi } from "vitest";
import { HealthWatch, type HealthParts } from "../../../src/node/health/watch.js";
import type { NodeEvent } from "../../../src/node/node.js";
import { parse } from "../../config/texts.js";

const watches: HealthWatch[] = [];
afterEach(() => watches.splice(0).forEach((watch) => watch.stop()));

function started(links: HealthParts["kernel"]["links"]): { events: NodeEvent[]; looks: () => number } {
  const events: NodeEvent[] = [];
  let looks = 0;
  const { config } = parse(`
    cluster { health_interval = 0.001  Topology "10.1.1.0/24" { interface = "eth1" } }
    ESMTP_Listener { Listen "10.1.1.1:25" { Enable_Duravip = true } }`);
  if (config === null) throw new Error("the configuration is broken");
  const watch = new HealthWatch({
    config,
    kernel: {
      protocol: 104,
      links: () => {
        looks++;
        return links();
      },
      addresses: () => Promise.reject(new Error("not asked")),
      probe: () => Promise.resolve([]),
    },
    condition: { addressesOf: () => new Map() },
    hands: { state: () => undefined, held: () => new Map().entries() },
    isManaged: () => false,
    sink: (event) => events.push(event),
    tell: () => {},
  });
  watches.push(watch);
  watch.start();
  return { events, looks: () => looks };
}

describe("looks that fail", () => {
  it("are told once as long as the reason stays, though others go well meanwhile", async () => {
    const { events, looks } = started(() => Promise.reject(new Error("cannot list the interfaces")));
    await vi.waitFor(() => expect(looks()).toBeGreaterThan(20), { timeout: 60_000 });
    expect(events).toEqual([
      { level: "error", code: "health-check-failed", facts: { reason: "cannot list the interfaces" } },
    ]);
  });
});
