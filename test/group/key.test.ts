import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deriveKeys, readClusterKey } from "../../src/group/key.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const KEY = "c2l4dGVlbiBieXRlcyBhcmUgZW5vdWdo";
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-key-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("the cluster key", () => {
  it("makes a key for each use, all different, the same on every node", () => {
    const keys = deriveKeys(bytes(KEY));
    const all = [keys.tls, keys.heartbeat, keys.mmove].map((key) => Buffer.from(key).toString("hex"));
    expect(new Set(all).size).toBe(3);
    expect(all.every((key) => key.length === 64)).toBe(true);
    expect(deriveKeys(bytes(`\n ${KEY}\r\n`))).toEqual(keys);
    expect(deriveKeys(bytes(`${KEY}x`))).not.toEqual(keys);
  });

  it("is refused when it is too short, white space not counted", () => {
    expect(() => deriveKeys(bytes("fifteen bytes.."))).toThrow(expect.objectContaining({ code: "ERR_CLUSTER_KEY" }));
    expect(() => deriveKeys(bytes(" ".repeat(40)))).toThrow(expect.objectContaining({ code: "ERR_CLUSTER_KEY" }));
  });

  it("is read from a file that not everybody may read", async () => {
    const path = join(folder, "key");
    await writeFile(path, KEY, { mode: 0o600 });
    expect(await readClusterKey(path)).toEqual(Buffer.from(KEY));
    const open = join(folder, "open");
    await writeFile(open, KEY, { mode: 0o644 });
    await expect(readClusterKey(open)).rejects.toMatchObject({ code: "ERR_CLUSTER_KEY", facts: { path: open } });
  });

  it("is refused when the file is absent, or is no key at all", async () => {
    await expect(readClusterKey(join(folder, "absent"))).rejects.toMatchObject({ code: "ERR_CLUSTER_KEY" });
    await expect(readClusterKey(folder)).rejects.toMatchObject({ code: "ERR_CLUSTER_KEY" });
    const large = join(folder, "large");
    await writeFile(large, "x".repeat(5000), { mode: 0o600 });
    await expect(readClusterKey(large)).rejects.toMatchObject({ code: "ERR_CLUSTER_KEY" });
  });
});
