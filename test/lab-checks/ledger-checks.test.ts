import { describe, expect, it } from "vitest";
import { checkLedger, secondCopies } from "../../src/lab/ledger/checks.js";
import type { Arrival, ArrivedNotice, LedgerEntry, LedgerRecord } from "../../src/lab/ledger/records.js";
import { renderLedger } from "../../src/lab/ledger/report.js";

const TAKEN = "o.1.0@plain.lab";
const OTHER = "o.1.1@plain.lab";
const REFUSED = "r.1.2@plain.lab";

const entry = (change: Partial<LedgerEntry> = {}): LedgerEntry => ({
  event: "entry",
  token: "1",
  kind: "plain",
  listener: "10.1.1.1",
  outcome: "accepted",
  reply: "250 2.6.0 AA queued",
  recipients: [{ address: TAKEN, parameters: "" }],
  hash: "aa",
  ...change,
});
const to = (...addresses: readonly string[]) => addresses.map((address) => ({ address, parameters: "" }));
const arrival = (change: Partial<Arrival> = {}): Arrival => ({
  event: "arrival",
  connection: 1,
  source: "10.1.1.1",
  id: "AA",
  recipients: to(TAKEN),
  hash: "aa",
  ...change,
});
const notice = (id: string, ...failed: readonly string[]): ArrivedNotice => ({
  event: "notice",
  id,
  to: "s.1@sender.lab",
  failed,
});
const record = (change: Partial<LedgerRecord> = {}): LedgerRecord => ({
  entries: [entry()],
  arrivals: [arrival()],
  notices: [],
  strangers: [],
  doubts: [],
  ...change,
});
const failed = (change: Partial<LedgerRecord>) => checkLedger(record(change)).map(({ check }) => check);

describe("the checks of the ledger", () => {
  it("hold of a message that came once, byte for byte", () => {
    expect(failed({})).toEqual([]);
  });

  it("see a message that got its 250 and came nowhere", () => {
    expect(failed({ arrivals: [] })).toEqual(["not-lost"]);
    expect(failed({ entries: [entry({ outcome: "open", reply: "reset" })], arrivals: [] })).toEqual([]);
  });

  it("see one recipient of several that was left out", () => {
    expect(failed({ entries: [entry({ recipients: to(TAKEN, OTHER) })] })).toEqual(["not-lost"]);
  });

  it("see another content, another source and other parameters", () => {
    expect(failed({ arrivals: [arrival({ hash: "bb" })] })).toEqual(["same-bytes"]);
    expect(failed({ arrivals: [arrival({ source: "10.1.1.2" })] })).toEqual(["right-source"]);
    const parameters = "NOTIFY=NEVER ORCPT=rfc822;a@b";
    const entries = [entry({ recipients: [{ address: TAKEN, parameters }] })];
    expect(failed({ entries })).toEqual(["same-parameters"]);
    const turned = [{ address: TAKEN, parameters: "ORCPT=rfc822;a@b NOTIFY=NEVER" }];
    expect(failed({ entries, arrivals: [arrival({ recipients: turned })] })).toEqual([]);
  });

  it("excuse as many second copies as were logged in doubt for that recipient", () => {
    const arrivals = [arrival(), arrival({ connection: 2 })];
    expect(failed({ arrivals })).toEqual(["not-twice"]);
    expect(failed({ arrivals, doubts: [{ id: "AA", recipients: [OTHER] }] })).toEqual(["not-twice"]);
    const doubts = [{ id: "AA", recipients: [TAKEN] }];
    expect(failed({ arrivals, doubts })).toEqual([]);
    expect(failed({ arrivals: [...arrivals, arrival({ connection: 3 })], doubts })).toEqual(["not-twice"]);
    expect(secondCopies(record({ arrivals }))).toBe(1);
  });

  it("see a copy of what a node had the answer for, in doubt or not: it went on to the next transaction", () => {
    const entries = [entry({ recipients: to(TAKEN, OTHER) })];
    const doubts = [{ id: "AA", recipients: [TAKEN, OTHER] }];
    const [first, second] = [arrival(), arrival({ recipients: to(OTHER) })];
    const again = (recipient: string) => arrival({ connection: 2, recipients: to(recipient) });
    expect(failed({ entries, doubts, arrivals: [first, second, again(TAKEN)] })).toEqual(["settled-not-twice"]);
    expect(failed({ entries, doubts, arrivals: [first, second, again(OTHER)] })).toEqual([]);
  });

  it("see what was refused, was not ended or was never sent at the sink", () => {
    expect(failed({ entries: [entry({ outcome: "refused", reply: "451 later" })] })).toEqual(["not-taken"]);
    expect(failed({ entries: [entry({ outcome: "unsent", reply: "cut" })] })).toEqual(["not-taken"]);
    expect(failed({ arrivals: [arrival(), arrival({ recipients: to("o.2.999@plain.lab") })] })).toEqual([
      "not-strange",
    ]);
    expect(failed({ strangers: [{ event: "stranger", what: "x" }] })).toEqual(["not-strange"]);
  });

  it("see stray line ends that were taken, and good mail that was refused for good", () => {
    expect(failed({ entries: [entry({ kind: "stray" })] })).toEqual(["not-smuggled"]);
    const stray = entry({ kind: "stray", outcome: "refused", reply: "550 5.5.2 bare" });
    expect(failed({ entries: [stray], arrivals: [] })).toEqual([]);
    const good = entry({ outcome: "refused", reply: "550 no" });
    expect(failed({ entries: [good], arrivals: [] })).toEqual(["not-refused"]);
  });

  it("want one notice for who was refused, if the sender wants it", () => {
    const entries = [entry({ recipients: to(REFUSED) })];
    const none = { entries, arrivals: [] };
    expect(failed(none)).toEqual(["notice"]);
    expect(failed({ ...none, notices: [notice("BB", REFUSED)] })).toEqual([]);
    const twice = [notice("BB", REFUSED), notice("BB", REFUSED)];
    expect(failed({ ...none, notices: twice })).toEqual(["notice-not-twice"]);
    expect(failed({ ...none, notices: twice, doubts: [{ id: "BB", recipients: ["s.1@sender.lab"] }] })).toEqual([]);
    const never = [entry({ recipients: [{ address: REFUSED, parameters: "NOTIFY=NEVER" }] })];
    expect(failed({ entries: never, arrivals: [] })).toEqual([]);
    expect(failed({ entries: never, arrivals: [], notices: [notice("BB", REFUSED)] })).toEqual(["no-notice"]);
  });

  it("see a notice for who got the message", () => {
    expect(failed({ notices: [notice("BB", TAKEN)] })).toEqual(["no-notice"]);
  });
});

describe("the report of the ledger", () => {
  it("counts what failed by check and kind", () => {
    const lost = record({ arrivals: [] });
    const text = renderLedger({ seed: 7, record: lost, faults: { kill: 2 }, violations: checkLedger(lost) });
    expect(text).toContain("seed 7: 2 kill");
    expect(text).toContain("not-lost plain: 1");
  });
});
