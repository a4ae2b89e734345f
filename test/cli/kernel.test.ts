import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAddresses } from "../../src/cli/kernel/addresses.js";
import { formatListed, listed } from "../../src/cli/kernel/listing.js";
import { formatPlumb } from "../../src/cli/kernel/plumb.js";
import { formatWatchEvent, WatchEvents } from "../../src/cli/kernel/watch.js";
import { run } from "../../src/cli/run.js";

let directory: string;
const file = (name: string, text: string) => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "hf-cli-kernel-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("the addresses of a kernel command", () => {
  it("are no range without a count: one address would be plumbed where many were meant", () => {
    expect(() => readAddresses({ words: [], range: "10.1.0.1" })).toThrow(
      "--range: expected a first address and a count, 10.1.0.1+10",
    );
  });

  it("are words, a range and a file together, each once, in canonical text", () => {
    const path = file("some.txt", "# the second rack\n10.2.0.1 # first\n\n2001:DB8:0::ffff+2\r\n10.0.0.9");
    expect(readAddresses({ words: ["10.0.0.9", "FD00:0::1"], range: "10.1.0.254+3", file: path })).toEqual([
      "10.0.0.9",
      "fd00::1",
      "10.1.0.254",
      "10.1.0.255",
      "10.1.1.0",
      "10.2.0.1",
      "2001:db8::ffff",
      "2001:db8::1:0",
    ]);
  });

  it("may be a million", () => {
    const addresses = readAddresses({ words: [], range: "10.0.0.0+1048576" });
    expect([addresses.length, addresses.at(-1)]).toEqual([1_048_576, "10.15.255.255"]);
    expect(() => readAddresses({ words: ["11.0.0.1"], range: "10.0.0.0+1048576" })).toThrow(/at most 1048576/);
  });

  it.each(["10.0.0", "10.0.0.1+0", "10.0.0.1+x", "10.0.0.1+1048577", "10.0.0.1/24", "fe80::1%eth0", "+5", ""])(
    "are refused when one is %j",
    (word) => {
      expect(() => readAddresses({ words: [word] })).toThrow(expect.objectContaining({ code: "ERR_USAGE" }));
    },
  );

  it("are refused by the line of the file that holds a wrong one", () => {
    const path = file("wrong.txt", "10.0.0.1\n10.0.0.256\n");
    expect(() => readAddresses({ words: [], file: path })).toThrow(`${path}:2: expected an address, or a range`);
  });

  it("do not wrap around at the last one", () => {
    expect(readAddresses({ words: ["255.255.255.254+2"] })).toHaveLength(2);
    expect(() => readAddresses({ words: ["255.255.255.254+3"] })).toThrow(/beyond the last/);
    expect(() => readAddresses({ words: ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff+2"] })).toThrow(/beyond the last/);
  });
});

describe("holdfast kernel", () => {
  /** Before the kernel is asked for anything that changes it. */
  async function refusal(line: string): Promise<{ exit: number; err: string }> {
    let err = "";
    const exit = await run(["kernel", ...line.split(" ")], {
      environment: {},
      out: async () => {},
      err: (piece) => {
        err += piece;
      },
      progress: null,
      stopped: () => new AbortController().signal,
    });
    return { exit, err };
  }

  it.each([
    ["plumb 10.0.0.1", /required option '--link <name>'/],
    ["plumb --link eth1", /no address is given/],
    ["plumb --link eth1 --file /nowhere", /cannot read the addresses: ENOENT/],
    ["plumb --link eth1 10.0.0.1 --mode alias", /Allowed choices are address, route/],
    ["plumb --link eth1 10.0.0.1 --prefix 0", /a whole number from 1 to 128/],
    ["plumb --link eth1 10.0.0.1 fd00::1 --prefix 64", /--prefix of at most 32/],
    ["plumb --link eth1 10.0.0.1 --prefix 32 --mode route", /--prefix is for --mode address/],
    ["plumb --link eth1 10.0.0.1 --lifeline", /--lifeline needs --hold/],
    ["plumb --link eth1 10.0.0.1 --lifeline --hold --prefix 24", /host addresses only/],
    ["unplumb --link eth1 10.0.0.1 --hold", /unknown option '--hold'/],
    ["announce --link eth1 10.0.0.1 --rounds 0", /a whole number from 1 to 100/],
    ["list --owned --all", /'--owned' cannot be used with option '--all'/],
    ["links eth1", /too many arguments/],
  ])("exits 64 for %s, and says why", async (line, why) => {
    expect(await refusal(line)).toEqual({ exit: 64, err: expect.stringMatching(why) });
  });

  it.each(["3", "256", "rip"])("exits 64 for a --protocol of %s", async (protocol) => {
    expect(await refusal(`list --protocol ${protocol}`)).toEqual({
      exit: 64,
      err: expect.stringContaining("expected a whole number from 4 to 255"),
    });
  });

  it("exits 78 for an interface that is not there", async () => {
    expect(await refusal("plumb --link nowhere0 10.0.0.1")).toEqual({
      exit: 78,
      err: expect.stringMatching(/ERR_LINK_UNKNOWN: this host has no interface "nowhere0"; it has .*lo/),
    });
  });
});

describe("what is printed", () => {
  it("names each address that failed, and closes with the counts", () => {
    const failures = [{ address: "10.0.0.9", errno: "EEXIST", words: "File exists" }];
    const report = { operation: "plumb", link: "eth1", mode: "address", elapsedMs: 3, failures } as const;
    expect(formatPlumb({ ...report, addresses: 2, done: 1, cancelled: 0 })).toBe(
      "failed: 10.0.0.9: EEXIST: File exists\nplumbed 1 of 2 addresses on eth1 in 3 ms\n",
    );
    expect(formatPlumb({ ...report, addresses: 9, done: 1, cancelled: 7 })).toMatch(/ in 3 ms; 7 not begun\n$/);
  });

  it("tells whose each address is", () => {
    const at = { prefix: 32, ifindex: 7, plumbing: "address", alias: true } as const;
    const rows = listed(
      [104, 0, 18].map((protocol) => ({ ...at, address: "10.0.0.9", protocol })),
      [],
      104,
    );
    expect(rows.map(formatListed)).toEqual([
      "10.0.0.9/32 7 address holdfast\n",
      "10.0.0.9/32 7 address -\n",
      "10.0.0.9/32 7 address protocol 18\n",
    ]);
  });
});

describe("the events of a watch", () => {
  const eth1 = {
    index: 3,
    name: "eth1",
    altnames: [],
    mac: "02:00:00:00:00:01",
    mtu: 1500,
    up: true,
    carrier: true,
    kind: "veth",
    master: 0,
  };
  const at = { address: "10.0.0.9", prefix: 32, ifindex: 3, plumbing: "address", protocol: 104, alias: true } as const;
  const nothing = { removed: [], added: [], links: [], neighbours: [], resynced: false };
  const lines = (events: WatchEvents, changes: Partial<Parameters<WatchEvents["of"]>[0]>) =>
    events
      .of({ ...nothing, ...changes })
      .map(formatWatchEvent)
      .join("");

  it("are a line each, with the names of interfaces", () => {
    const events = new WatchEvents([eth1], 104);
    expect(lines(events, { removed: [at], added: [{ ...at, protocol: 0 }], resynced: true })).toBe(
      "! notifications were lost; the table was read anew\n" +
        "- 10.0.0.9/32 eth1 address holdfast\n+ 10.0.0.9/32 eth1 address -\n",
    );
    expect(lines(events, { links: [{ before: eth1, after: { ...eth1, carrier: false } }] })).toBe(
      "~ link eth1 02:00:00:00:00:01 up carrier: now eth1 02:00:00:00:00:01 up no-carrier\n",
    );
  });

  it("name an interface by its last name when it goes along", () => {
    const events = new WatchEvents([], 104);
    lines(events, { links: [{ before: null, after: eth1 }] });
    lines(events, { links: [{ before: eth1, after: { ...eth1, name: "mail1" } }] });
    const gone = { before: { ...eth1, name: "mail1" }, after: null };
    expect(lines(events, { links: [gone], removed: [at] })).toBe(
      "- link mail1 02:00:00:00:00:01 up carrier\n- 10.0.0.9/32 mail1 address holdfast\n",
    );
    expect(lines(events, { removed: [at] })).toBe("- 10.0.0.9/32 3 address holdfast\n");
  });

  it("tell of neighbours that become known, change and go", () => {
    const events = new WatchEvents([eth1], 104);
    const one = { address: "fd00::2", ifindex: 3, mac: "02:00:00:00:00:0b" };
    const other = { ...one, mac: "02:00:00:00:00:0c" };
    const neighbours = [
      { before: null, after: one },
      { before: one, after: other },
      { before: other, after: null },
    ];
    expect(lines(events, { neighbours })).toBe(
      "+ neighbour fd00::2 eth1 02:00:00:00:00:0b\n" +
        "~ neighbour fd00::2 eth1 02:00:00:00:00:0b: now 02:00:00:00:00:0c\n" +
        "- neighbour fd00::2 eth1 02:00:00:00:00:0c\n",
    );
  });
});
