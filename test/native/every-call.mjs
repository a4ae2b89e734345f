/**
 * Every function of the addon, over and over and many at once, in a network namespace of its own: for the sanitizers
 * (scripts/sanitize-addon.mjs), which say at the end what was leaked. Plain Node, since a test runner leaks too.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";

const ROUNDS = 20;
const TAG = 104;
const require = createRequire(import.meta.url);
const addon = require("node-gyp-build")(fileURLToPath(new URL("../..", import.meta.url)));

/** What `append` of a batch takes: `count` addresses from 10.1.0.1 on, on an interface. */
function texts(count, ifindex, flags) {
  const addresses = Array.from({ length: count }, (_, i) => `10.1.${(i + 1) >> 8}.${(i + 1) & 255}`);
  return [addresses.join("\n"), ifindex, null, flags];
}

/** 16 bytes an address, native/wire/ip_address.h: `count` of each family. */
function addressesOfBothFamilies(count) {
  const bytes = Buffer.alloc(2 * 16 * count);
  for (let i = 0; i < count; i++) {
    bytes.writeUInt16BE(0xffff, 32 * i + 10);
    bytes.writeUInt32BE(0x0a010001 + i, 32 * i + 12);
    bytes.writeUInt16BE(0xfd00, 32 * i + 16);
    bytes.writeUInt32BE(i, 32 * i + 28);
  }
  return bytes;
}

/** 18 bytes an endpoint, native/io/bind.h: addresses that are nobody's, on ports that are free. */
function endpoints(count) {
  const addresses = addressesOfBothFamilies(count);
  const port = Buffer.alloc(2);
  return Buffer.concat(
    Array.from({ length: count }, (_, i) => Buffer.concat([addresses.subarray(16 * i, 16 * i + 16), port])),
  );
}

/** 36 bytes a connection, native/wire/diag.h: from 127.0.0.1 port 1 to itself, where nobody believes in it. */
function connections(count) {
  const end = Buffer.from("00000000000000000000ffff7f000001", "hex");
  return Buffer.concat(Array(count).fill(Buffer.concat([end, end, Buffer.from([1, 0, 1, 0])])));
}

const link = async (wanted = "eth1") => (await addon.links()).find(({ name }) => name === wanted);
const macBytes = ({ mac }) => Uint8Array.from(mac.split(":"), (byte) => Number.parseInt(byte, 16));
const EVERYBODY = new Uint8Array(6).fill(0xff);

function plumb(operation, some) {
  const batch = addon.openBatch(operation, TAG, 300, 1 << 20);
  assert(batch.append(...some) > 0);
  return batch.run(Infinity, operation === 2 ? Infinity : Number(process.hrtime.bigint()) / 1e6 + 60_000);
}

/** What each function is called with, and what it is used for: by the names that it exports. */
const CALLS = {
  links: async () => assert((await link()) !== undefined),
  addresses: () => addon.addresses(-1, 0, 3),
  neighbours: () => addon.neighbours(0),
  async openBatch() {
    const { index } = await link();
    for (const flags of [0, 1]) {
      const added = await plumb(1, texts(300, index, flags));
      // Some rounds run at once, on the same addresses: there already and not there any more are no failures.
      assert(added.statuses.every((status) => status === 0 || status === -17));
      const extended = await plumb(3, texts(300, index, flags));
      assert(extended.statuses.every((status) => status === 0 || status === -99));
      await plumb(2, texts(300, index, flags));
    }
    const failed = await plumb(1, texts(3, 9999, 0));
    assert(failed.statuses.every((status) => status === -19) && failed.texts.length === 1);
    const cancelled = addon.openBatch(1, TAG, 3, 1 << 20);
    cancelled.append(...texts(3, index, 0));
    cancelled.cancel();
    assert(
      (await cancelled.run(Infinity, Infinity)).statuses.every((status) => status === -125) && cancelled.done() === 0,
    );
    addon.openBatch(1, TAG, 3, 1 << 20).append(...texts(3, index, 0)); // and never run
    const refusing = addon.openBatch(1, TAG, 3, 1 << 20);
    assert.equal(refusing.append("10.1.0.1\nfd00::1\neth1", index, null, 0), 0);
    assert.throws(() => refusing.append("10.1.0.1\nfd00::1", index, 64, 0), TypeError);
  },
  async openAnnouncer() {
    const fd = addon.openAnnouncer();
    assert(fd >= 0);
    await addon.close(fd);
  },
  async announce() {
    const found = await link();
    const fd = addon.openAnnouncer();
    const { sent } = await addon.announce(fd, found.index, macBytes(found), EVERYBODY, addressesOfBothFamilies(500));
    assert.equal(sent, 3 * 500);
    await addon.close(fd);
  },
  async probe() {
    const found = await link();
    const fd = addon.openAnnouncer();
    const { sent } = await addon.probe(
      fd,
      found.index,
      macBytes(found),
      addressesOfBothFamilies(500),
      addressesOfBothFamilies(1),
    );
    assert.equal(sent, 2 * 500);
    await addon.close(fd);
  },
  /** eth1 hears what peer1 sends. */
  async openLan() {
    const ours = addressesOfBothFamilies(500);
    const [eth1, peer1] = await Promise.all([link(), link("peer1")]);
    const sightings = [];
    const lan = await addon.openLan(eth1.index, macBytes(eth1), (some) => sightings.push(some));
    lan.own(false, ours);
    lan.seek(ours);
    const fd = addon.openAnnouncer();
    await addon.announce(fd, peer1.index, macBytes(peer1), EVERYBODY, ours);
    await addon.probe(fd, peer1.index, macBytes(peer1), ours, new Uint8Array(0));
    while (sightings.length === 0 || lan.answers() === 0) await new Promise((resolve) => setImmediate(resolve));
    lan.forsake(ours);
    lan.disown(ours);
    await addon.close(fd);
    await lan.close();
  },
  async openMonitor() {
    const { index } = await link();
    let told = 0;
    const monitor = await addon.openMonitor(1 << 20, true, (removed, added) => (told += removed.length + added.length));
    await plumb(1, texts(50, index, 1));
    await plumb(2, texts(50, index, 1));
    assert.equal(typeof monitor.has("10.1.0.1"), "boolean");
    await monitor.close();
    return told;
  },
  async killSockets() {
    assert.deepEqual(await addon.killSockets(addressesOfBothFamilies(500), true), { closed: 0, failed: [] });
  },
  async connections() {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connect(server.address().port, "127.0.0.1");
    await once(client, "connect");
    const found = await addon.connections(Buffer.from("00000000000000000000ffff7f000001", "hex"));
    assert(found.length >= 2 * 36 && found.length % 36 === 0);
    client.destroy();
    server.close();
  },
  async uses() {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    // What this process listens on is no use of another program, and 127.0.0.1 is the source of no route but the
    // kernel's.
    assert.equal((await addon.uses(Buffer.from("00000000000000000000ffff7f000001", "hex"))).length, 0);
    server.close();
  },
  async keepsTags() {
    assert.equal(typeof (await addon.keepsTags()), "boolean");
  },
  async tickle() {
    assert.deepEqual(await addon.tickle(connections(300)), { sent: 600, failed: 0, errno: 0 });
  },
  async bindSockets() {
    const fds = await addon.bindSockets(endpoints(200));
    assert(fds.every((fd) => fd >= 0));
    await addon.closeSockets(fds);
  },
  async releaseSocket() {
    const [fd, ...others] = await addon.bindSockets(endpoints(3));
    addon.releaseSocket(fd);
    const server = createServer().listen({ fd });
    await once(server, "listening");
    server.close();
    await once(server, "close");
    assert.throws(() => addon.closeSockets(Int32Array.of(fd, ...others)), TypeError);
    await addon.closeSockets(Int32Array.from(others));
  },
  async closeSockets() {
    await addon.closeSockets(new Int32Array(0));
  },
  async openLifeline(number) {
    const { fd, ifindex } = await addon.openLifeline(`hf${number}`);
    await plumb(1, texts(50, ifindex, 1));
    await addon.close(fd);
  },
  close: () => assert.throws(() => addon.close(99), TypeError),
};

const WITHOUT_ARGUMENTS = new Set(["keepsTags", "links", "openAnnouncer"]);
const exported = Object.keys(addon).filter((name) => typeof addon[name] === "function");
assert.deepEqual(Object.keys(CALLS).sort(), exported.sort(), "there is a call of each function, and no other");

let number = 0;
for (let round = 0; round < ROUNDS; round++) {
  for (const call of Object.values(CALLS)) await call(number++);
  for (const name of exported)
    if (!WITHOUT_ARGUMENTS.has(name)) assert.throws(() => addon[name](Symbol("wrong")), TypeError);
}
await Promise.all(Object.values(CALLS).map((call) => call(number++)));
process.stdout.write(`${exported.length} functions, ${ROUNDS} rounds\n`);
