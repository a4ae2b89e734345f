/**
 * The promises of docs/PROTOCOL.md, "Group channel", checked over everything that happened to every run of a cluster.
 * Names in brackets are those of Chockler et al., "Group Communication Specifications", 2001.
 */
import { expect } from "vitest";
import type { Chapter, Cluster, Run } from "./cluster.js";

export function checkPromises(cluster: Cluster): void {
  for (const run of cluster.runs) checkRun(run);
  checkAgreement(cluster.runs);
  checkTransitions(cluster.runs);
  checkMessages(cluster);
}

/** Every node that is left is in one view with all the others, and has got everything sent in it. */
export function checkConverged(cluster: Cluster): void {
  const alive = cluster.alive();
  const names = alive.map((run) => run.name).sort();
  expect(
    alive.map((run) => run.chapters.at(-1)?.view.members),
    "convergence",
  ).toEqual(alive.map(() => names));
  const last = alive.map((run) => run.chapters.at(-1)!);
  expect(new Set(last.map((chapter) => chapter.id)).size, "convergence to one view").toBe(1);
  for (const chapter of last) expect(chapter.delivered, "all delivered").toEqual(last[0]!.delivered);
}

function checkRun(run: Run): void {
  let seq = 0;
  for (const { id, view, delivered } of run.chapters) {
    const what = `${run.name} in view ${id}`;
    expect(view.members, `${what}: self inclusion`).toContain(run.name);
    expect(view.members, `${what}: sorted`).toEqual([...view.members].sort());
    expect(view.leader, `${what}: leader`).toBe(view.members[0]);
    expect(view.seq, `${what}: rises (local monotony)`).toBeGreaterThan(seq);
    expect(view.stayed, `${what}: stayed`).toContain(run.name);
    const foreign = delivered.filter((text) => !view.members.includes(text.charAt(0)));
    expect(foreign, `${what}: from members only`).toEqual([]);
    seq = view.seq;
  }
  const all = run.chapters.flatMap((chapter) => chapter.delivered);
  expect(new Set(all).size, `${run.name}: each message once (no duplication)`).toBe(all.length);
}

/** Who is in a view, and one order of its messages, are the same for all that were in it. */
function checkAgreement(runs: readonly Run[]): void {
  const first = new Map<string, Chapter>();
  for (const run of runs) {
    for (const chapter of run.chapters) {
      const other = first.get(chapter.id);
      if (other === undefined) {
        first.set(chapter.id, chapter);
        continue;
      }
      expect(chapter.view.members, `members of view ${chapter.id}`).toEqual(other.view.members);
      const [mine, theirs] = [ordered(chapter), ordered(other)];
      const common = Math.min(mine.length, theirs.length);
      const what = `order in view ${chapter.id} (total order)`;
      expect(mine.slice(0, common), what).toEqual(theirs.slice(0, common));
      if (theirs.length < mine.length) first.set(chapter.id, chapter);
    }
  }
}

/** Those that go together from one view to the next know it, and have delivered the same in the same order. */
function checkTransitions(runs: readonly Run[]): void {
  const together = new Map<string, { run: Run; from: Chapter; to: Chapter }[]>();
  for (const run of runs) {
    run.chapters.forEach((to, i) => {
      const from = run.chapters[i - 1];
      if (from === undefined) {
        expect(to.view.stayed, `${run.name}'s first view`).toEqual([run.name]);
        return;
      }
      const parts = from.view.members.some((member) => !to.view.stayed.includes(member));
      const told = parts ? from.inOrder : null;
      expect(from.transitionAfter, `${run.name}'s last word in view ${from.id} (transition)`).toBe(told);
      const key = `${from.id} -> ${to.id}`;
      together.set(key, [...(together.get(key) ?? []), { run, from, to }]);
    });
  }
  for (const [key, company] of together) {
    const { from, to } = company[0]!;
    for (const other of company) {
      expect(other.from.delivered, `${key} (virtual synchrony)`).toEqual(from.delivered);
      expect(other.to.view.stayed, `${key} (transitional set)`).toEqual(to.view.stayed);
      expect(to.view.stayed, `${key} (transitional set)`).toContain(other.run.name);
    }
  }
}

/** Each message is delivered in one view only; its sender gets it, no later than in the view after it was sent. */
function checkMessages(cluster: Cluster): void {
  const where = new Map<string, string>();
  for (const run of cluster.runs) {
    for (const { id, delivered } of run.chapters) {
      const elsewhere = delivered.filter((text) => (where.get(text) ?? id) !== id);
      expect(elsewhere, `${run.name} in view ${id}: delivered in another view too (same view delivery)`).toEqual([]);
      for (const text of delivered) where.set(text, id);
    }
  }
  for (const run of cluster.runs) {
    const own = run.chapters.flatMap((chapter, i) =>
      chapter.delivered.filter((text) => text.startsWith(`${run.name}${run.incarnation}`)).map((text) => ({ text, i })),
    );
    const sent = run.sent.slice(0, own.length);
    expect(
      own.map(({ text }) => text),
      `${run.name}'s own in the order sent (FIFO)`,
    ).toEqual(sent.map(({ text }) => text));
    const late = own.filter(({ i }, n) => i !== sent[n]!.chapter && i !== sent[n]!.chapter + 1);
    expect(late, `${run.name}'s own, not in the view in which they were sent, nor in the next`).toEqual([]);
    if (run.alive) expect(own.length, `${run.name} gets all its own (self delivery)`).toBe(run.sent.length);
  }
}

function ordered(chapter: Chapter): string[] {
  return chapter.delivered.slice(0, chapter.inOrder);
}
