import { describe, expect } from "vitest";
import { descriptorNeed, requireDescriptors } from "../../src/daemon/descriptor-need.js";
import { HoldfastError } from "../../src/errors.js";
import { config, listen, scene } from "../mail/fixtures.js";

const duravip = { enabled: true, upgraded: false, preferences: [] };
const vips = (count: number) => Array.from({ length: count }, (_, i) => listen(`10.1.1.${i + 1}`, 25, { duravip }));

describe("the descriptors that a configuration takes", () => {
  scene("are one for each address and port, or one for all where these share a socket", async () => {
    const needed = (listens: ReturnType<typeof vips>, listenSharedMin: number) =>
      descriptorNeed(config({ listens, mail: { listenSharedMin } })).parts["listeners"];
    expect(needed(vips(200), 512)).toBe(200);
    expect(needed(vips(200), 199)).toBe(1);
    expect(needed([...vips(200), listen("10.0.0.1", 587), listen("10.0.0.1", 25)], 199)).toBe(2);
    expect(needed([...vips(3), listen("10.0.0.1", 25, { enabled: false })], 0)).toBe(3);
  });

  scene("are refused with both numbers where the limit is below them, and only there", async () => {
    const one = config({ listens: vips(200) });
    const { total } = descriptorNeed(one);
    requireDescriptors(one, { open: 0, limit: total });
    expect(() => requireDescriptors(one, { open: 0, limit: total - 1 })).toThrow(
      expect.objectContaining({ code: "ERR_DESCRIPTORS", facts: { needed: total, limit: total - 1 } }),
    );
    expect(() => requireDescriptors(one, { open: 0, limit: 256 })).toThrow(HoldfastError);
  });
});
