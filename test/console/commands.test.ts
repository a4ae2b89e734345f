import { describe, expect, it } from "vitest";
import { findCommand } from "../../src/console/registry.js";
import { hasCode } from "../../src/errors.js";
import type { NodeControl } from "../../src/node/control.js";
import type { MoveResult } from "../../src/node/control.js";
import { sampleControl } from "./sample-control.js";

async function answer(line: string, control: NodeControl = sampleControl(), json = false): Promise<string> {
  const { command, rest } = findCommand(line.split(" "));
  const context = { control, consoleCounters: { "control.commands": 3 } };
  return [...(await command.answer(context, rest, json))].join("");
}

async function data(line: string): Promise<unknown> {
  return JSON.parse(await answer(line, sampleControl(), true));
}

async function refusal(line: string): Promise<string> {
  try {
    return `no refusal: ${await answer(line)}`;
  } catch (error) {
    return hasCode(error, "ERR_COMMAND") ? error.message : `not ERR_COMMAND: ${String(error)}`;
  }
}

describe("cluster duravip show", () => {
  it("prints every VIP in the ancestor's shape, with tabs and the owner's star", async () => {
    expect((await answer("cluster duravip show")).replaceAll("\t", "<TAB>")).toMatchInlineSnapshot(`
      "DuraVIP State:
      10.80.116.50/bind-a/bind-b/bind-c: (owned,safe) multivip
      <TAB>[view stable for 5420 seconds]
      <TAB>[configuration stable for 5409 seconds]
          <TAB>labrat-2 multivip
          <TAB>labrat-1 multivip
       *  <TAB>labrat-4 multivip
      10.80.116.51/bind-d: (owned,conflict,unsafe,foreign) multivip ESMTP
      <TAB>[view stable for 5420 seconds]
      <TAB>[configuration stable for 5409 seconds]
      <TAB>[releasing, on its way to labrat-2]
      <TAB>[pinned to labrat-2 for 90 seconds]
      <TAB>[labrat-4 has it too, not from the cluster: on eth1, and is removed]
          <TAB>labrat-2 multivip ESMTP
       *  <TAB>labrat-1 multivip
      2001:db8::25: (unowned,broken) ESMTP
      <TAB>[view stable for 0 seconds]
      <TAB>[configuration stable for 0 seconds]
          <TAB>labrat-1 ESMTP
      "
    `);
  });

  it("says what keeps the owner of a VIP from serving it", async () => {
    const [vip] = sampleControl().duravip();
    if (vip === undefined) throw new Error("the sample has no VIP");
    const trouble = "labrat-4 has no carrier in 10.80.0.0/16";
    const text = await answer("cluster duravip show", sampleControl({ duravip: () => [{ ...vip, trouble }] }));
    expect(text).toContain("\n\t[labrat-4 has no carrier in 10.80.0.0/16]\n");
  });

  it("gives every fact of every VIP as data", async () => {
    expect(await data("cluster duravip show")).toEqual(sampleControl().duravip());
  });

  it("prints only its heading where nothing is managed", async () => {
    expect(await answer("cluster duravip show", sampleControl({ duravip: () => [] }))).toBe("DuraVIP State:\n");
    expect(await answer("cluster duravip show", sampleControl({ duravip: () => [] }), true)).toBe("[]\n");
  });
});

describe("cluster membership", () => {
  it("prints a paragraph a member, with a blank line between", async () => {
    expect(await answer("cluster membership")).toMatchInlineSnapshot(`
      "Private Name: #ec0-22787#labrat-1
      Node Name: labrat-1
      Subcluster: default
      Node Type: holdfast
      Version: 0.1.0
      Address: 10.80.116.201:4802
      Groups: ec_console, ec_cluster

      Private Name: #ec0-20768#labrat-4
      Node Name: labrat-4
      Subcluster: default
      Node Type: holdfast
      Version: 0.1.0
      Address: 10.80.116.204:4802
      Groups: ec_console, ec_cluster
      "
    `);
  });

  it("says how many addresses nobody may have, in a part of the cluster without a quorum", async () => {
    const info = { ...sampleControl().info(), quorate: false, withheld: 40 };
    const text = await answer("cluster membership", sampleControl({ info: () => info }));
    expect(text).toMatch(/\n\nNo quorum: addresses withheld from this part of the cluster: 40\n$/);
  });

  it("names the peers that are there and no members, and says what to do", async () => {
    const refusedPeers = [{ peer: "labrat-7", reason: "key", remedy: "give both the same" }];
    const control = sampleControl({ info: () => ({ ...sampleControl().info(), refusedPeers }) });
    const line = "Refused peer: labrat-7 (another key): give both the same\n";
    expect(await answer("cluster membership", control)).toMatch(new RegExp(`\n\n${line.replace(/[()]/g, "\\$&")}$`));
    expect(await answer("cluster info", control)).toContain(line);
  });

  it("says what a member cannot serve, and why", async () => {
    const reason = "has lost its own address 10.1.0.2";
    const [member] = sampleControl().membership();
    if (member === undefined) throw new Error("the sample has no member");
    const ill = { ...member, troubles: [{ topology: "10.1.1.0/24", reason }] };
    const text = await answer("cluster membership", sampleControl({ membership: () => [ill] }));
    expect(text).toContain(`\nTrouble: ${reason} in 10.1.1.0/24\nGroups: `);
  });

  it("gives the members as data", async () => {
    expect(await data("cluster membership")).toMatchObject([
      { node: "labrat-1", self: true, groups: ["ec_console", "ec_cluster"] },
      { node: "labrat-4", leader: true },
    ]);
  });
});

describe("cluster info", () => {
  it("prints the connection, the groups, the leader and the view", async () => {
    expect(await answer("cluster info")).toMatchInlineSnapshot(`
      "Daemon: 4809 [m:#ec0-22787#labrat-1]
      Control Group: ec_console
      Cluster Group: ec_cluster (labrat-4 is leader)
      Logger Group: none
      View: 12 (quorate)
      Version: 0.1.0
      Uptime: 86400 seconds
      "
    `);
  });

  it("says so while there is no leader and no view", async () => {
    const info = { ...sampleControl().info(), leader: null, quorate: false };
    const text = await answer("cluster info", sampleControl({ info: () => info, membership: () => [] }));
    expect(text).toContain("Daemon: 4809 [m:none]\n");
    expect(text).toContain("Cluster Group: ec_cluster (no leader)\n");
    expect(text).toContain("(not quorate)\n");
  });
});

describe("cluster nodename and cluster nodeaddr", () => {
  it("print one line each", async () => {
    expect(await answer("cluster nodename")).toBe("labrat-1\n");
    expect(await answer("cluster nodeaddr")).toBe("10.80.116.201:4802\n");
    expect(await data("cluster nodename")).toBe("labrat-1");
  });
});

describe("mailq", () => {
  it("prints a table of 74 columns, the busiest queue first", async () => {
    const text = await answer("mailq");
    expect(text).toMatchInlineSnapshot(`
      "Group/Binding                                       Domain      AQ      DQ
      --------------------------------------------------------------------------
      bulk/Bulk-1                                    example.org       3  100000
      default/gmail                                    gmail.com      25       5
      default/#mmove                                   gmail.com       0       0
      "
    `);
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line) => line.length),
    ).toEqual([74, 74, 74, 74, 74]);
  });

  it("keeps only the domains and bindings asked for", async () => {
    expect(await data("mailq -d GMAIL.com --binding gmail")).toEqual({
      rows: [{ group: "default", binding: "gmail", domain: "gmail.com", active: 25, delayed: 5 }],
      omitted: 0,
    });
    expect(await data("mailq -b bulk-1"), "binding names keep their case").toEqual({ rows: [], omitted: 0 });
  });

  it("shows twenty rows unless told otherwise, and says how many it left out", async () => {
    const row = { group: "default", binding: "b", active: 1, delayed: 0 };
    const rows = Array.from({ length: 30 }, (_, at) => ({ ...row, domain: `d${at}.example` }));
    const control = sampleControl({ queues: async () => rows });
    expect(await answer("mailq", control)).toMatch(/\n\(10 more; --limit 0 shows all\)\n$/);
    expect((await answer("mailq -l 3", control)).split("\n")).toHaveLength(2 + 3 + 1 + 1);
    expect((await answer("mailq --limit 0", control)).split("\n")).toHaveLength(2 + 30 + 1);
  });

  it("never cuts a name", async () => {
    const long = { group: "a-group-of-many-bindings", binding: "a-binding-with-a-long-name", active: 1, delayed: 2 };
    const control = sampleControl({ queues: async () => [{ ...long, domain: "a-domain.example" }] });
    expect(await answer("mailq", control)).toContain(
      "\na-group-of-many-bindings/a-binding-with-a-long-name a-domain.example       1       2\n",
    );
  });

  it("refuses options that it does not have, and says what it takes", async () => {
    expect(await refusal("mailq --colour red")).toMatch(/^"--colour red" is not understood; usage: mailq \[/);
    expect(await refusal("mailq --limit -5")).toMatch(/^"--limit -5" is not understood/);
    expect(await refusal("mailq --domain")).toMatch(/^"--domain" needs a value/);
  });
});

describe("cluster duravip move", () => {
  it("prints what moved, how long it took and how to undo it", async () => {
    expect(await answer("cluster duravip move 10.80.116.50 to labrat-1")).toMatchInlineSnapshot(`
      "10.80.116.50: labrat-4 -> labrat-1
      10.80.116.60: labrat-4 -> labrat-1
      Moved 2 addresses in 43 ms and pinned there.
      To undo: cluster duravip move 10.80.116.50 to labrat-4
      and then: cluster duravip unpin 10.80.116.50
      "
    `);
  });

  it("does without the word to", async () => {
    expect(await answer("cluster duravip move 10.80.116.50 labrat-1")).toContain("labrat-4 -> labrat-1");
  });

  it("passes on for how long it is meant, 0 for no end, and that it is to be made anyway", async () => {
    const asked: [number, boolean][] = [];
    const control = sampleControl({
      move: async (_vip, _node, forMs, anyway) => {
        asked.push([forMs, anyway]);
        return outcome({});
      },
    });
    for (const time of ["for 90s", "for 15m", "for 2h anyway", "for 1d", "", "anyway"])
      await answer(`cluster duravip move x to y ${time}`.trim(), control);
    expect(asked).toEqual([
      [90_000, false],
      [900_000, false],
      [7_200_000, true],
      [86_400_000, false],
      [0, false],
      [0, true],
    ]);
  });

  const before = {
    lead: "10.1.1.1",
    owner: "n2" as string | null,
    heir: "n2",
    atRest: true,
    pin: null as string | null,
  };
  const outcome = (different: Partial<MoveResult>): MoveResult => ({
    address: "10.1.1.1",
    to: "n2",
    forMs: 0,
    moved: [],
    elapsedMs: 9,
    before,
    missing: null,
    ...different,
  });
  const told = (different: Partial<MoveResult>) =>
    answer("cluster duravip move x y", sampleControl({ move: async () => outcome(different) }));

  it("names no way back for an address that nobody had, but the end of its pin", async () => {
    const moved = [{ address: "10.1.1.1", from: null, to: "n2" }];
    expect(await told({ moved, before: { ...before, owner: null } })).toBe(
      "10.1.1.1: (unowned) -> n2\nMoved 1 address in 9 ms and pinned there.\nTo undo: cluster duravip unpin 10.1.1.1\n",
    );
  });

  it("says where nothing moved, and undoes no more than was done", async () => {
    expect(await told({})).toBe(
      "10.1.1.1 is at n2 already; pinned it there.\nTo undo: cluster duravip unpin 10.1.1.1\n",
    );
    expect(await told({ forMs: 7_200_000 })).toBe(
      "10.1.1.1 is at n2 already; pinned it there.\nThe pin ends by itself in 2h.\nTo undo: cluster duravip unpin 10.1.1.1\n",
    );
    expect(await told({ before: { ...before, pin: "n2" } })).toBe(
      "10.1.1.1 is at n2, and pinned there, already; its pin has no end.\n",
    );
    expect(await told({ before: { ...before, pin: "n2" }, forMs: 90_000 })).toBe(
      "10.1.1.1 is at n2, and pinned there, already; the time of its pin is new.\nThe pin ends by itself in 90s.\n",
    );
    expect(await told({ before: { ...before, pin: "n3" } })).toBe(
      "10.1.1.1 is at n2 already; pinned it there.\nTo undo: cluster duravip move 10.1.1.1 to n3\n",
    );
  });

  it("says what an address follows, and what its clients miss now", async () => {
    const moved = [{ address: "10.1.1.1", from: "n1", to: "n2" }];
    const text = await told({
      moved,
      address: "10.1.1.9",
      before: { ...before, owner: "n1" },
      missing: "10.1.1.1 is UNSAFE: n2 does not run ESMTP:25 on it, so whoever uses that would be refused there",
    });
    expect(text).toContain("10.1.1.9 goes along with 10.1.1.1, always.\nWarning: 10.1.1.1 is UNSAFE: n2 does not run");
  });

  it("refuses too few and too many words, and passes on what the node refuses", async () => {
    const form = "usage: cluster duravip move <vip> [to] <node> [for <time>] [anyway]";
    expect(await refusal("cluster duravip move 10.80.116.50")).toBe(`a VIP and a node are needed; ${form}`);
    expect(await refusal("cluster duravip move a to b c")).toBe(`"c" is more than the command takes; ${form}`);
    expect(await refusal("cluster duravip move a b for 10")).toBe(
      `"10" is no time: 90s, 15m, 2h or 1d is meant; ${form}`,
    );
    expect(await refusal("cluster duravip move a b for 1h 2h")).toBe(
      `"for 1h 2h" is more than the command takes; ${form}`,
    );
    expect(await refusal("cluster duravip move nothing to labrat-1")).toBe("no VIP is called nothing");
  });
});

describe("cluster duravip unpin", () => {
  it("prints what moved, and how to undo it", async () => {
    expect(await answer("cluster duravip unpin 10.80.116.50")).toMatchInlineSnapshot(`
      "10.80.116.50: labrat-1 -> labrat-4
      10.80.116.50 is pinned to labrat-1 no longer; moved 1 address in 43 ms.
      To undo: cluster duravip move 10.80.116.50 to labrat-1
      "
    `);
    const form = "usage: cluster duravip unpin <vip>";
    expect(await refusal("cluster duravip unpin")).toBe(`a VIP is needed; ${form}`);
    expect(await refusal("cluster duravip unpin a b")).toBe(`"b" is more than the command takes; ${form}`);
    expect(await refusal("cluster duravip unpin nothing")).toBe("no VIP is called nothing");
  });

  it("says where the address stays", async () => {
    const before = { lead: "10.1.1.1", owner: "n1", heir: "n1", atRest: true, pin: "n1" };
    const unpin = async () => ({ address: "10.1.1.1", moved: [], elapsedMs: 2, before, owner: "n1" });
    expect(await answer("cluster duravip unpin x", sampleControl({ unpin }))).toContain(
      "10.1.1.1 is pinned to n1 no longer; it stays at n1.\n",
    );
  });
});

describe("cluster calm", () => {
  it("says whether the node was damped", async () => {
    expect(await answer("cluster calm labrat-4")).toMatch(/^labrat-4 is damped no longer: /);
    expect(await answer("cluster calm labrat-1")).toMatch(/^labrat-1 was not damped; /);
    expect(await refusal("cluster calm")).toBe("a node is needed; usage: cluster calm <node>");
    expect(await refusal("cluster calm a b")).toBe('"b" is more than the command takes; usage: cluster calm <node>');
  });
});

describe("cluster drain", () => {
  it("prints what moved and what is left, and how to undo it", async () => {
    expect(await answer("cluster drain")).toMatchInlineSnapshot(`
      "10.80.116.52 -> labrat-4
      Moved 1 address in 12 ms; 2 that nobody else can have are left.
      To undo: cluster undrain
      "
    `);
    expect(await answer("cluster undrain")).toBe("This node is given addresses again.\n");
    const idle = sampleControl({ drain: async () => ({ moved: [], elapsedMs: 1, changed: false, left: 0 }) });
    expect(await answer("cluster undrain", idle)).toBe("This node was not drained; nothing has changed.\n");
    expect(await answer("cluster drain", idle)).toMatch(/^This node was drained already\.\n/);
    expect(await refusal("cluster drain labrat-1")).toMatch(/^"labrat-1" is more than the command takes/);
  });
});

describe("cluster duravip explain", () => {
  it("prints the reason, every node with its load, and what would change it", async () => {
    expect((await answer("cluster duravip explain 10.80.116.50")).replaceAll("\t", "<TAB>")).toMatchInlineSnapshot(`
      "10.80.116.50: labrat-4: labrat-4 got it by load, and nothing calls it away.
      It goes along with 10.80.116.40, always.
          <TAB>labrat-1: 5 of its network, 12 in all, weight 100; is leaving; doubtful: given only what no other can have, for it could not plumb what it was given lately
       *  <TAB>labrat-4: 4 of its network, 11 in all, weight 200; damped: given only what no other can have, for it failed too often lately
      Without labrat-4 it would go to nobody.
      "
    `);
    expect(await data("cluster duravip explain 10.80.116.50")).toEqual(sampleControl().explain("10.80.116.50"));
  });

  it("refuses too few and too many words, and what is no VIP", async () => {
    const form = "usage: cluster duravip explain <vip>";
    expect(await refusal("cluster duravip explain")).toBe(`a VIP is needed; ${form}`);
    expect(await refusal("cluster duravip explain a b")).toBe(`"b" is more than the command takes; ${form}`);
    expect(await refusal("cluster duravip explain nothing")).toBe("no VIP is called nothing");
  });
});

describe("cluster duravip plan", () => {
  it("prints what would move, and the load of each node before and after", async () => {
    expect((await answer("cluster duravip plan die labrat-4")).replaceAll("\t", "<TAB>")).toMatchInlineSnapshot(`
      "10.80.116.50: labrat-4 -> labrat-1
      10.80.116.51: labrat-4 -> (unowned)
      2 addresses would move.
          <TAB>labrat-1: 12 -> 13
          <TAB>labrat-4: 11 -> 0
      "
    `);
    expect(await answer("cluster duravip plan join labrat-2")).toContain(", some of them in 2 rounds of balance.\n");
    expect(await data("cluster duravip plan drain labrat-4")).toMatchObject({ moves: { length: 2 }, rounds: 0 });
  });

  it("hands a file on by its absolute path only", async () => {
    let asked: unknown = null;
    const control = sampleControl({ plan: (request) => ((asked = request), { moves: [], loads: [], rounds: 0 }) });
    expect(await answer("cluster duravip plan config /etc/new.conf", control)).toBe("0 addresses would move.\n");
    expect(asked).toEqual({ kind: "config", file: "/etc/new.conf" });
    expect(await refusal("cluster duravip plan config new.conf")).toMatch(/^the daemon reads the file/);
  });

  it("refuses what is no event", async () => {
    expect(await refusal("cluster duravip plan burn labrat-1")).toMatch(/^"burn" is no event; usage: /);
    expect(await refusal("cluster duravip plan die")).toMatch(/^an event, and a node or a file, are needed/);
    expect(await refusal("cluster duravip plan die a b")).toMatch(/^"b" is more than the command takes/);
  });
});

describe("summary", () => {
  it("prints every counter of the node and of the console, aligned and by name", async () => {
    expect(await answer("summary")).toMatchInlineSnapshot(`
      "channel.views     12
      control.commands  3
      mail.delivered    1200
      "
    `);
  });
});

describe("help", () => {
  it("lists every command with what it does", async () => {
    expect(await answer("help")).toMatchInlineSnapshot(`
      "cluster calm <node>
          forget how often a node has failed, so that it is given addresses (changes the cluster)
      cluster drain
          give away every address of this node that others can have, and take no more (changes the cluster)
      cluster duravip explain <vip>
          say why a VIP is where it is, and what would change that
      cluster duravip move <vip> [to] <node> [for <time>] [anyway]
          move a VIP, and what follows it, to another node (changes the cluster)
      cluster duravip plan <die|drain|join NODE | config FILE>
          say what would move if a node died, left or came, or with another text
      cluster duravip show
          show every VIP: its owner, its marks and the services of each node on it
      cluster duravip unpin <vip>
          let a VIP go where it belongs, after cluster duravip move (changes the cluster)
      cluster info
          show this node's connection to the group, and who leads it
      cluster membership
          show the members of the group, this node included
      cluster nodeaddr
          print the address and port at which peers hand mail to this node
      cluster nodename
          print the name of this node
      help [command]
          list the commands, or those whose name begins with the words given
      mailq [--domain|-d <domain>]... [--binding|-b <name>]... [--limit|-l <rows>]
          show how much mail waits, by binding and domain, busiest first
      summary
          show every counter of this node since its start
      cluster undrain
          let this node be given addresses again, after cluster drain (changes the cluster)
      "
    `);
  });

  it("keeps to the words given, and tells all of a command that is alone", async () => {
    expect(await answer("help cluster duravip move")).toMatch(
      /^cluster duravip move <vip> \[to\] <node> \[for <time>\] \[anyway\]\n.*\n\n {4}<vip> +its address.*move 10\.1\.1\.1 to node2\n/s,
    );
    expect((await answer("help cluster duravip")).split("\n")).toHaveLength(2 * 5 + 1);
    expect(await refusal("help nonsense")).toBe('no command begins with "nonsense"; try help');
  });
});

describe("a command that there is not", () => {
  it("is told beside the one that was meant, whatever follows it", async () => {
    expect(await refusal("cluster duravip mvoe vip-1 to node2")).toMatch(/; did you mean "cluster duravip move"\?$/);
    expect(await refusal("mialq")).toBe('there is no command "mialq"; did you mean "mailq"?');
  });

  it("is refused, and so is one with more words than it takes", async () => {
    expect(await refusal("cluster xylophone")).toBe('there is no command "cluster xylophone"; help lists them');
    expect(await refusal("cluster duravip")).toMatch(
      /^"cluster duravip" is only the beginning of a command: cluster duravip explain, /,
    );
    expect(await refusal("cluster info now")).toBe('"now" is more than the command takes; usage: cluster info');
  });
});
