const OWNERSHIP = "src/core/ownership";

/**
 * Ways to break the core, each named after the invariant that is to see it (docs/SIMULATOR.md): what is wrong, the file, a text that
 * stands in it exactly once, the text instead.
 *
 * @type {readonly (readonly [string, string, string, string])[]}
 */
export const MUTATIONS = [
  [
    "S1: the target begins before the owner has let go",
    `${OWNERSHIP}/table.ts`,
    'row.phase = "releasing";\n  }\n  row.target',
    'row.phase = "acquiring";\n  }\n  row.target',
  ],
  ["S1: other holders are not waited for", `${OWNERSHIP}/hands.ts`, "row.holders.size === 0", "true"],
  [
    "S1: an address that changes its unit needs no announcements",
    `${OWNERSHIP}/ownership.ts`,
    "this.settled = sameUnits(this.definitions, definitions);",
    "this.settled = true;",
  ],
  [
    "S1: RELEASED is said before the kernel has let go",
    `${OWNERSHIP}/hands.ts`,
    "const gone = mine.every((address) => !this.#states.has(address));",
    "const gone = true;",
  ],
  [
    "S1: a holder says again in each epoch that it has let go",
    `${OWNERSHIP}/hands.ts`,
    'demands.released.push(lead), "holder");',
    "demands.released.push(lead));",
  ],
  ["S2: a broken address keeps its owner", `${OWNERSHIP}/definitions.ts`, "lead.broken ? rolls.nobody : ", ""],
  [
    "S2: a broken follower whose job ends late is kept",
    "src/core/node.ts",
    "    this.#releaseStrays(addresses);\n",
    "",
  ],
  [
    "S3: a merge takes over the owner's epoch",
    `${OWNERSHIP}/settle.ts`,
    "epoch: epochs.next(),",
    "epoch: claim.epoch,",
  ],
  [
    "S4: a member plumbs followers that it does not configure",
    `${OWNERSHIP}/definitions.ts`,
    "    .filter(({ participants }) => participants.has(member))\n",
    "",
  ],
  [
    "S5: a node counts epochs on from its own last view",
    `${OWNERSHIP}/table.ts`,
    "this.#last = viewSeq * EPOCHS_A_VIEW;",
    "this.#last ||= viewSeq * EPOCHS_A_VIEW;",
  ],
  [
    "L1: a departed member stays in the electorates",
    `${OWNERSHIP}/rolls.ts`,
    "if (at >= 0) electorate.splice(at, 1);",
    "if (at > 0) electorate.splice(at, 1);",
  ],
  [
    "L1: who got a unit by a move is not remembered to have it",
    `${OWNERSHIP}/loads.ts`,
    "if (row.target !== target) this.#concern(lead, row.target);",
    "",
  ],
  [
    "L1: who is healthy again is not offered what others keep for want of it",
    `${OWNERSHIP}/ownership.ts`,
    "      for (const lead of this.loads.concerning(other)) touched.add(lead);\n",
    "",
  ],
  [
    "L2: a drained member is given addresses like any other",
    `${OWNERSHIP}/scales.ts`,
    "staying.length > 0 ? staying : fit",
    "fit",
  ],
  [
    "L2: what weighs more gets no more",
    `${OWNERSHIP}/scales.ts`,
    "this.costs[member] = (count + 1) / (this.weights[member] ?? 1);",
    "this.costs[member] = count + 1;",
  ],
  ["L1: a departed target is waited for", `${OWNERSHIP}/table.ts`, "row.target === member", "false"],
  ["L1: who could not plumb is never tried again", `${OWNERSHIP}/retries.ts`, "due.push(lead);", ""],
  [
    "L1: a report is made once for ever",
    `${OWNERSHIP}/hands.ts`,
    "key = `${kind} ${row.epoch}`) => {",
    "key = kind) => {",
  ],
  ["L1: a job that ends is not looked at", "src/core/node.ts", "    this.#lookAgain(job.addresses);\n", ""],
  [
    "L2: balance moves back and forth",
    `${OWNERSHIP}/balance.ts`,
    "cost(to) >= pan.burden(from)",
    "cost(to) > pan.burden(from)",
  ],
  ["L2: a departure places all that it touches anew", `${OWNERSHIP}/placement.ts`, "  if (stays) return heir;\n", ""],
  [
    "L5: a preference counts only for orphans",
    `${OWNERSHIP}/placement.ts`,
    "  if (preferred !== undefined && (!stays || unit.lead.failback === IMMEDIATE)) return preferred;\n",
    "",
  ],
  [
    "strict: a lease lasts from the answer on",
    `${OWNERSHIP}/lease.ts`,
    "proof.at + this.terms.leaseMs",
    "proof.at + 3 * this.terms.leaseMs",
  ],
  [
    "strict: the fence does not outlast a lease",
    `${OWNERSHIP}/lease.ts`,
    "at + this.#stretch(this.#longestMs) + MARGIN * this.#longestMs",
    "at + this.#longestMs / 2",
  ],
  ["strict: whoever is met is asked for no fence", "src/core/node.ts", "this.#tenure.met(said);", "void said;"],
  ["strict: a row whose owner departs is not fenced", `${OWNERSHIP}/table.ts`, "  row.fenced = true; // It", "  // It"],
  ["strict: the end of a lease drops nothing", `${OWNERSHIP}/tenure.ts`, "return lapsed;", "return false;"],
  [
    "strict: what waited for a lease is forgotten",
    `${OWNERSHIP}/tenure.ts`,
    "    this.#waiting.add(unit.lead.address);\n",
    "",
  ],
  [
    "strict: who has a part of a unit may take the rest of it at once",
    `${OWNERSHIP}/settle.ts`,
    " || lacksSome(unit, owner)",
    "",
  ],
  [
    "strict: the last words of a view count for all of it",
    `${OWNERSHIP}/tenure.ts`,
    "(!this.#parting && (",
    "(true && (",
  ],
  [
    "strict: a departure fences nothing that is on its way",
    `${OWNERSHIP}/ownership.ts`,
    "    if (gone.length > 0) this.#fenceMoving(touched);\n",
    "",
  ],
  [
    "introductions: who knew everything before settles before the others",
    `${OWNERSHIP}/introductions.ts`,
    "all.some(({ known }) => !known.includes(digest))",
    "!this.#known.has(digest)",
  ],
  [
    "introductions: nobody says what somebody does not know",
    `${OWNERSHIP}/introductions.ts`,
    "? bytes : null",
    "? null : null",
  ],
  [
    "divergence: the digest forgets a change",
    `${OWNERSHIP}/loads.ts`,
    "this.#digest ^= before ^",
    "this.#digest += 0 *",
  ],
  ["majority: a part without quorum keeps what it has", `${OWNERSHIP}/policy.ts`, "!quorate &&", "false &&"],
  [
    "L3: whoever keeps an address after a merge does not say so on the LAN",
    "src/core/node.ts",
    'if (addresses.length > 0) this.#outputs.push({ kind: "announce", addresses });',
    "",
  ],
  [
    "channel: the survivors of a view end it without what nobody had placed",
    "src/core/channel/flush.ts",
    "      ending.push({ ...message, seq: ++seq });\n",
    "",
  ],
  [
    "channel: who waits for the next view and has promised another one is no companion",
    "src/core/channel/partition.ts",
    "[row.view, ...row.passed, row.promised]",
    "[row.view, row.promised]",
  ],
  [
    "channel: a proposal makes companions before anybody is in its view",
    "src/core/channel/partition.ts",
    " || !views.has(textOf(round))",
    "",
  ],
  [
    "channel: a link to a new run counts for what the old one said",
    "src/core/channel/partition.ts",
    "a.reach.get(b.name) === b.incarnation && b.reach.get(a.name) === a.incarnation",
    "a.reach.has(b.name) && b.reach.has(a.name)",
  ],
  [
    "channel: a restarted member makes the others doubt whom it has not met",
    "src/core/channel/channel.ts",
    "const same = other !== peer && this.#broadcast.isViewLink(this.#links.to(other));",
    "const same = other !== peer && this.#links.to(other) !== undefined;",
  ],
  [
    "a drain that fell into a change of view is not repeated",
    "src/core/node.ts",
    "if (this.#leaving && own?.leaving !== true)",
    "if (this.#left)",
  ],
  [
    "the survivors of a crash ask each other first",
    `${OWNERSHIP}/ownership.ts`,
    "if (!survived) {",
    "if (!survived || gone.length > 0) {",
  ],
  [
    "L4: who has just come is given addresses at once",
    `${OWNERSHIP}/ownership.ts`,
    "member !== undefined && member.mature && !member.leaving",
    "member !== undefined && !member.leaving",
  ],
];
