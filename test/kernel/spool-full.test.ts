import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { compileSpool } from "../mail/spool/compiled.js";

const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
/** A mount namespace of its own: the file system goes away with the process. */
const SMALL_DISK = 'mount -t tmpfs -o size=8m none /mnt && exec "$@"';

const compiled = compileSpool();
afterAll(compiled.remove);

describe("a spool on a full disk", () => {
  it("refuses what it cannot keep, loses nothing, and goes on by itself once there is space", () => {
    const script = join(import.meta.dirname, "spool-on-a-full-disk.mjs");
    const program = [process.execPath, script, "/mnt", compiled.spool, compiled.check];

    const child = spawnSync("unshare", [...asRoot, "--mount", "sh", "-c", SMALL_DISK, "sh", ...program], {
      encoding: "utf8",
    });

    expect(child.status, child.stderr).toBe(0);
    const report: Record<string, unknown> = JSON.parse(child.stdout);
    expect(report).toEqual({
      firstFile: "stored",
      fileOnAFullDisk: "ERR_SPOOL_FULL",
      recordWhenFull: "ERR_SPOOL_FULL",
      fileWhenFull: "ERR_SPOOL_FULL",
      filesAfterRefusals: 1,
      spaceLeft: 0,
      settledWithoutSpace: Array.from({ length: 10 }, () => "ERR_SPOOL_FULL"),
      stillQueued: true,
      settledInTheReserve: Array.from({ length: 10 }, () => "settled"),
      recordAfterOthersLeft: "stored",
      accepted: expect.any(Number),
      lost: 0,
      problems: [],
    });
    expect(report["accepted"]).toBeGreaterThan(100);
  });
});
