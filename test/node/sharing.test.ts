import { describe, expect, it, vi } from "vitest";
import type { Share } from "../../src/core/wire/share.js";
import type { Host } from "../../src/kernel/types.js";
import { Sharing } from "../../src/node/sharing.js";

const BLOCK = "10.1.0.0/16";
const [A, B, C, D] = ["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"] as const;
const host = (n: number): Host => ({ address: `10.1.255.${n}`, mac: `02:00:00:00:00:0${n}` });

function sharing() {
  const told: (readonly Host[])[] = [];
  const all = new Sharing({
    options: { arpShareMs: 0, arpAllHosts: false },
    plumber: { neighbours: async () => new Map(), tellBesides: (_block, hosts) => void told.push(hosts) },
    mail: { activity: async () => [] },
    sink: () => {},
    say: () => {},
  });
  const met = (from: string, ...hosts: readonly Host[]) =>
    all.hear(from, { neighbours: [{ block: BLOCK, hosts }], busy: [] });
  const busy = (from: string, ...levels: readonly (readonly string[])[]) =>
    all.hear(from, { neighbours: [], busy: levels.map((addresses, level) => ({ level, addresses })) });
  return { all, told, met, busy };
}

describe("what nodes share", () => {
  it("lets every neighbour of every other node be told, each once", () => {
    const { told, met } = sharing();
    met("b", host(1), host(2));
    met("c", host(2), host(3));
    expect(told.at(-1)).toEqual([host(1), host(2), host(3)]);
  });

  it("makes no new list of hosts as long as they are the same", () => {
    const { told, met } = sharing();
    met("b", host(1), host(2));
    met("c", host(2));
    met("b", host(2), host(1));
    expect(told).toHaveLength(1);
  });

  it("forgets a neighbour that no node knows any more", () => {
    const { told, met } = sharing();
    met("b", host(1), host(2));
    met("b", host(2));
    expect(told.at(-1)).toEqual([host(2)]);
  });

  it("puts the addresses that are used most first, and leaves the others in their order", () => {
    const { all, busy } = sharing();
    busy("b", [C], [D]);
    busy("c", [], [], [B]);
    expect(all.busiestFirst([A, C, "10.1.0.9", D, B])).toEqual([B, D, C, A, "10.1.0.9"]);
  });

  it("goes by what a node said last", () => {
    const { all, busy } = sharing();
    busy("b", [], [A, B]);
    busy("b", [], [B]);
    expect(all.busiestFirst([A, B])).toEqual([B, A]);
    busy("b");
    expect(all.busiestFirst([A, B])).toEqual([A, B]);
  });

  it("says at once what those who have come back may need, where nobody is told by broadcast", async () => {
    const said: Share[] = [];
    const start = (arpAllHosts: boolean) => {
      const one = new Sharing({
        options: { arpShareMs: 3_600_000, arpAllHosts },
        plumber: { neighbours: async () => new Map([[BLOCK, [host(1)]]]), tellBesides: () => {} },
        mail: { activity: async () => [] },
        sink: () => {},
        say: (share) => void said.push(share),
      });
      one.start();
      one.now();
      return one;
    };
    const [everybody, known] = [start(true), start(false)];
    await vi.waitFor(() => expect(said).toEqual([{ busy: [], neighbours: [{ block: BLOCK, hosts: [host(1)] }] }]));
    everybody.stop();
    known.stop();
  });

  it("counts what the new owner of an address says, also after its last owner said that it has it no more", () => {
    const { all, busy } = sharing();
    busy("b", [B]);
    busy("c", [], [B]);
    busy("b");
    expect(all.busiestFirst([A, B])).toEqual([B, A]);
  });
});
