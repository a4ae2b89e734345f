import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AnnounceReport } from "../../src/cli/kernel/announce.js";
import type { ListedAddress } from "../../src/cli/kernel/listing.js";
import type { PlumbReport } from "../../src/cli/kernel/plumb.js";
import type { KillReport } from "../../src/cli/kernel/sockets.js";
import type { Connection, Link } from "../../src/kernel/index.js";
import { cannotRun, cannotTun, Namespace } from "./namespace.js";
import { Talker } from "./talker.js";

/** Compiled by `npm run build`, like all that the lab runs. */
const PROGRAM = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

describe.skipIf(cannotRun !== null)(`holdfast kernel${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;

  beforeEach(async () => {
    host = await Namespace.create();
    await host.run("ip link add eth1 type veth peer name peer1");
    await host.run("ip link set eth1 up");
    await host.run("ip link set peer1 up");
    await host.run("ip address add 10.1.1.9/24 dev eth1");
  });
  afterEach(() => host.close());

  const start = (line: string) => host.start([process.execPath, PROGRAM, "kernel", ...line.split(" ")]);

  async function holdfast(line: string): Promise<{ exit: unknown; out: string; err: string }> {
    const child = start(line);
    const [out, err, [exit]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    return { exit, out, err };
  }

  async function json<Answer>(line: string): Promise<Answer> {
    const answer: Answer = JSON.parse((await holdfast(`${line} --json`)).out);
    return answer;
  }

  const listed = async () => (await json<ListedAddress[]>("list")).map(({ address }) => address).sort();

  /** Starts a command that stays, and waits for its first answer. */
  async function hold(line: string) {
    const child = start(`${line} --hold --json`);
    const exited = once(child, "exit");
    const [first] = await once(createInterface({ input: child.stdout }), "line");
    const report: PlumbReport = JSON.parse(String(first));
    return { child, exited, report };
  }

  it.each([
    ["address", "addresses"],
    ["route", "local routes"],
  ])("plumbs and unplumbs IPv4 and IPv6 in %s mode", async (mode, what) => {
    const rest = `--link eth1 --mode ${mode} --range 10.7.0.1+300 fd00::1`;
    const plumbed = await holdfast(`plumb ${rest}`);
    expect(plumbed).toEqual({
      exit: 0,
      err: "",
      out: expect.stringMatching(`^plumbed 301 of 301 ${what} on eth1 in `),
    });
    expect(await listed()).toHaveLength(301);
    expect((await holdfast("list --owned")).out).toContain(`10.7.0.1/32 eth1 ${mode} holdfast\n`);
    expect((await holdfast("list --owned")).out).toContain(`fd00::1/128 eth1 ${mode} holdfast\n`);

    expect(await json(`unplumb ${rest}`)).toMatchObject({ operation: "unplumb", addresses: 301, done: 301, mode });
    expect(await listed()).toEqual([]);
  });

  it("names each address that failed with the kernel's words, and plumbs the others", async () => {
    const { exit, out } = await holdfast("plumb --link eth1 10.7.0.1 10.1.1.9 10.7.0.2");
    expect(exit).toBe(74);
    expect(out).toMatch(
      /^failed: 10\.1\.1\.9: EEXIST: File exists: the host has 10\.1\.1\.9\/24 .*\nplumbed 2 of 3 addresses on eth1/,
    );
    expect(await listed()).toEqual(["10.7.0.1", "10.7.0.2"]);
  });

  it("told to stop in the middle says what it did, and leaves just that", async () => {
    const child = start("plumb --link eth1 --range 10.7.0.1+40000 --json");
    const [out, err, exit] = [text(child.stdout), text(child.stderr), once(child, "close")];
    // Not by a list of ours: with aliases coming all the time, it may find no moment in which it would be whole.
    const begun = async () => (await host.run("ip -4 -o address show dev eth1")).includes(" 10.7.");
    await expect.poll(begun, { timeout: 60_000 }).toBe(true);
    child.kill("SIGINT");
    expect(await exit).toEqual([75, null]);
    const { done, cancelled, failures }: PlumbReport = JSON.parse(await out);
    expect(done + cancelled).toBe(40_000);
    expect(failures).toEqual([]);
    expect(await listed()).toHaveLength(done);
    expect(await err).toBe(
      `holdfast: ERR_CANCELLED: told to stop: ${done} of 40000 addresses are plumbed, ${cancelled} were not begun; ` +
        "the same command does the rest\n",
    );
  });

  it("shows how far it is on a terminal, and leaves a clean line", async () => {
    const command = `${process.execPath} ${PROGRAM} kernel plumb --link eth1 --range 10.7.0.1+8000`;
    const child = host.start(["script", "--quiet", "--return", "--command", command, "/dev/null"]);
    const [out, [exit]] = await Promise.all([text(child.stdout), once(child, "close")]);
    expect(exit).toBe(0);
    const lines = out.split("\r\x1b[K");
    expect(lines.slice(1, -1).every((line) => /^plumb: \d+ of 8000$/.test(line))).toBe(true);
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.at(-1)).toMatch(/^plumbed 8000 of 8000 addresses on eth1 in \d+ ms\r\n$/);
  });

  it("works under another tag, beside the first", async () => {
    await holdfast("plumb --link eth1 10.7.0.1");
    await holdfast("plumb --protocol 105 --link eth1 --mode route 10.7.0.2");
    expect((await holdfast("unplumb --protocol 105 --link eth1 10.7.0.1")).out).toContain("EPERM");
    expect(await listed()).toEqual(["10.7.0.1"]);
    expect((await holdfast("list --protocol 105")).out).toBe("10.7.0.2/32 eth1 route holdfast\n");
    expect(await host.run("ip route show table local proto 105")).toMatch(/^local 10\.7\.0\.2 dev eth1 /);
  });

  it("lists the interfaces, and with --all the addresses of everybody", async () => {
    const links = await json<Link[]>("links");
    expect(links.map(({ name }) => name).sort()).toEqual(["eth1", "lo", "peer1"]);
    expect((await holdfast("links")).out).toMatch(/^\d+ eth1 [0-9a-f:]{17} mtu 1500 up carrier kind veth$/m);
    expect((await holdfast("list --all")).out).toContain("10.1.1.9/24 eth1 address -\n");
  });

  it("watches, tells what comes and goes, and ends when it is asked to", async () => {
    const child = start("watch --neighbours");
    const exited = once(child, "close");
    await once(createInterface({ input: child.stderr }), "line");
    const seen: string[] = [];
    const lines = createInterface({ input: child.stdout }).on("line", (line) => seen.push(line));
    const told = async (command: string, words: string) => {
      await host.run(command);
      while (!seen.includes(words)) await once(lines, "line");
    };
    await told("ip route add local 10.7.0.1/32 dev eth1 table local proto 104", "+ 10.7.0.1/32 eth1 route holdfast");
    await told("ip address add fd00::7/128 dev eth1", "+ fd00::7/128 eth1 address -");
    await told("ip address del fd00::7/128 dev eth1", "- fd00::7/128 eth1 address -");
    await told(
      "ip neigh add 10.1.1.2 lladdr 02:00:00:00:00:0b dev eth1 nud permanent",
      "+ neighbour 10.1.1.2 eth1 02:00:00:00:00:0b",
    );
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });

  it("takes held addresses away again when it is stopped", async () => {
    const { child, exited } = await hold("plumb --link eth1 10.7.0.1 fd00::1");
    expect(await listed()).toEqual(["10.7.0.1", "fd00::1"]);
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
    expect(await listed()).toEqual([]);
  });

  it("announces each address as often as it is told, and counts the frames", async () => {
    const rate = "--rounds 1 --rate 1000000";
    expect(await json<AnnounceReport>(`announce --link eth1 --range 10.7.0.1+5000 fd00::1 ${rate}`)).toMatchObject({
      link: "eth1",
      addresses: 5001,
      framesSent: 10_001,
      framesFailed: 0,
    });
  });

  it("lists and closes what is connected on addresses", async () => {
    const program = await Talker.listen(host, 2525, "::");
    const peer = await Talker.connect(host, 2525, "10.1.1.9", "::1");
    await program.says("accepted");
    expect(await json<Connection[]>("connections ::1 10.1.1.1")).toHaveLength(2);
    expect((await holdfast("connections 10.1.1.9")).out).toMatch(/^10\.1\.1\.9:2525 10\.1\.1\.9:\d+$/m);

    // The other end is on this host too, and ends by the reset.
    expect(await holdfast("kill-sockets --range 10.1.1.1+200")).toEqual({
      exit: 0,
      err: "",
      out: expect.stringMatching(/^closed 1 sockets on 200 addresses in \d+ ms\n$/),
    });
    expect(await peer.next()).toMatch(/^ECONN(RESET|ABORTED)$/);
    expect(await json<KillReport>("kill-sockets ::1 :: --listening")).toMatchObject({ closed: 2, failures: [] });
    expect(await host.run("ss -Htan")).not.toContain("LISTEN");
  });

  describe.skipIf(cannotTun !== null)(`with a lifeline${cannotTun === null ? "" : ` (${cannotTun})`}`, () => {
    it.each(["SIGKILL", "SIGINT"] as const)("leaves nothing behind after %s", async (signal) => {
      const { child, exited, report } = await hold("plumb --link eth1 --lifeline --mode route --range 10.7.0.1+2000");
      expect(report).toMatchObject({ link: "hf1000", done: 2000 });
      expect(await listed()).toHaveLength(2000);
      child.kill(signal);
      await exited;
      expect(await listed()).toEqual([]);
    });

    it("says so where the interface will not answer ARP", async () => {
      await host.run("sysctl -w net.ipv4.conf.eth1.arp_ignore=1");
      const child = start("plumb --link eth1 --lifeline --hold 10.7.0.1");
      const [complaint] = await once(createInterface({ input: child.stderr }), "line");
      expect(complaint).toMatch(/eth1 will not answer ARP for these addresses: .*eth1}\.arp_ignore must be 0/);
    });
  });
});
