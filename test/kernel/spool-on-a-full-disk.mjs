// Runs a spool on the small file system at argv[2] until it is full and beyond, and prints what happened as JSON.
// The other arguments: the compiled spool.js and check.js.
import { readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [disk, spoolModule, checkModule] = process.argv.slice(2);
const { openSpool } = await import(spoolModule);
const { checkSpool } = await import(checkModule);

const directory = join(disk, "spool");
const ballast = join(disk, "ballast");
const options = { directory, nodename: "mail1", inlineMax: 64 * 1024 };
const done = new Map([[0, { state: "done", outcome: "delivered", detail: "250" }]]);
let spool = openSpool({ ...options, incarnation: 1 });
const accepted = new Map();

/** Everything that is left goes to a file that is not the spool's. */
function takeAllSpace() {
  try {
    for (let n = 0; ; n++) writeFileSync(`${ballast}-${n}`, Buffer.alloc(64 * 1024));
  } catch {}
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
}

function giveSpaceBack() {
  for (const name of readdirSync(disk)) if (name.startsWith("ballast")) rmSync(join(disk, name));
}

async function* bodyOf(id, bytes, midway = () => {}) {
  yield Buffer.alloc(bytes / 2, id);
  midway();
  yield Buffer.alloc(bytes / 2, id);
}

async function accept(bytes, midway) {
  const id = spool.newId();
  const context = { receivedAtMs: 1, expiresAtMs: 2, listener: null, client: null, hops: 0 };
  const recipients = [{ address: "a@b.example", notify: null, orcpt: null }];
  const envelope = { from: "", body: null, smtpUtf8: false, ret: null, envid: null, recipients };
  const answer = await spool.accept({ id, binding: "out-1", envelope, context }, bodyOf(id, bytes, midway)).catch(code);
  if (answer === "stored") accepted.set(id, bytes);
  return answer;
}

const code = (error) => error.code;
const settle = (id) => spool.settle(id, done).then(() => "settled", code);
const files = () =>
  readdirSync(join(directory, "bodies"), { recursive: true }).filter((name) => name.length > 22).length;

const report = {};
report.firstFile = await accept(500_000);
report.fileOnAFullDisk = await accept(1_000_000, () => void takeAllSpace());
giveSpaceBack();
while ((report.recordWhenFull = await accept(20_000)) === "stored");
report.fileWhenFull = await accept(500_000);
report.filesAfterRefusals = files();

const ids = [...accepted.keys()].slice(1);
report.spaceLeft = takeAllSpace();
report.settledWithoutSpace = await Promise.all(ids.slice(0, 10).map(settle));
report.stillQueued = ids.every((id) => spool.fate(id) === "queued" && spool.get(id).recipients[0].state === "queued");
giveSpaceBack();

report.settledInTheReserve = await Promise.all(ids.slice(0, 10).map(settle));
report.recordAfterOthersLeft = await accept(20_000);
await settle([...accepted.keys()][0]);
await spool.close();

spool = openSpool({ ...options, incarnation: 2 });
const gone = new Set([[...accepted.keys()][0], ...ids.slice(0, 10)]);
report.accepted = accepted.size;
report.lost = 0;
for (const [id, bytes] of accepted) {
  const body = [];
  if (!gone.has(id)) for await (const chunk of await spool.openBody(id)) body.push(Buffer.from(chunk));
  const half = Buffer.alloc(bytes / 2, id);
  const whole = gone.has(id) ? spool.fate(id) === "done" : Buffer.concat(body).equals(Buffer.concat([half, half]));
  if (!whole) report.lost++;
}
await spool.close();
report.problems = [];
for await (const problem of checkSpool(directory)) report.problems.push(problem);
console.log(JSON.stringify(report));
