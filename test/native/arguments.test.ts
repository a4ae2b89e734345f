import { constants } from "node:os";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { loadAddon } from "../../src/kernel/addon.js";

const addon = loadAddon();
const [ENODEV, EPERM] = [-constants.errno.ENODEV, -constants.errno.EPERM];

/** Without CAP_NET_RAW there is none, and each descriptor is a wrong one. */
const announcer = addon.openAnnouncer();
const FOREIGN = fc.oneof(fc.nat(64), fc.nat(), fc.double()).filter((fd) => fd !== announcer);

afterAll(async () => {
  if (announcer >= 0) await addon.close(announcer);
});

/** Not a number, not a name, not bytes, however it answers. */
const hostile = {
  get length() {
    throw new Error("read by the addon");
  },
  valueOf: () => 1,
  toString: () => "hf0",
};

/** Of no type that any export takes. */
const NOTHING = fc.constantFrom<unknown>(
  undefined,
  null,
  true,
  1n,
  Symbol("argument"),
  {},
  [],
  [1],
  hostile,
  () => 1,
  new ArrayBuffer(24),
  new DataView(new ArrayBuffer(24)),
  new Uint16Array(12),
  new Uint8ClampedArray(24),
  new Float64Array(3),
  Object(1),
  Object("hf0"),
);

const NOT_A_NUMBER = fc.oneof(NOTHING, fc.string(), fc.uint8Array());
const NOT_A_FUNCTION = fc.oneof(fc.string(), fc.double(), fc.constantFrom<unknown>(undefined, null, {}, [], hostile));
const NOT_A_BOOLEAN = fc.oneof(fc.string(), fc.double(), fc.constantFrom<unknown>(undefined, null, {}, hostile));
const NOT_BYTES = fc.oneof(NOTHING, fc.string(), fc.double());

const notInteger = (least: number, most: number): fc.Arbitrary<unknown> =>
  fc.oneof(
    NOT_A_NUMBER,
    fc.constantFrom(Number.NaN, Infinity, -Infinity, least - 1, most + 1, least + 0.5, 2 ** 53, -(2 ** 63), 5e-324),
    fc.double().filter((value) => !Number.isInteger(value) || value < least || value > most),
  );

const notWhole = (bytes: number): fc.Arbitrary<unknown> =>
  fc.oneof(
    NOT_BYTES,
    fc.uint8Array({ maxLength: 20 * bytes }).filter(({ length }) => length % bytes !== 0),
  );

/** On an interface that no host has: were it taken in spite of what is wrong, nothing would change. */
const NEVER = Number.POSITIVE_INFINITY;
const NO_INTERFACE = 2 ** 31 - 1;

const CONNECTIONS = fc.array(fc.constant(goodConnection()), { maxLength: 3 }).map((records) => Buffer.concat(records));

const BAD_CONNECTIONS = fc
  .tuple(
    CONNECTIONS,
    CONNECTIONS,
    fc.constantFrom(
      goodConnection({ local: "fd000000000000000000000000000001" }),
      goodConnection({ remote: "00000000000000000000fffec6336402" }),
      goodConnection({ localPort: 0 }),
      goodConnection({ remotePort: 0 }),
    ),
  )
  .map(([before, after, bad]) => Buffer.concat([before, bad, after]));

function goodConnection({
  local = "00000000000000000000ffffc6336401",
  remote = "00000000000000000000ffffc6336402",
  localPort = 25,
  remotePort = 40_000,
} = {}): Buffer {
  return Buffer.concat([Buffer.from(local + remote, "hex"), Buffer.from(Uint16Array.of(localPort, remotePort).buffer)]);
}

const BAD_NAME = fc.oneof(
  NOTHING,
  fc.double(),
  fc.constantFrom(
    "",
    "hf%d",
    "a/b",
    "a:b",
    "a b",
    "a\tb",
    "a\nb",
    "a\rb",
    "hf\0",
    ".",
    "..",
    "hf00000000000000",
    "é".repeat(8),
  ),
  fc.string({ minLength: 16 }),
);

interface Parameter {
  readonly good: fc.Arbitrary<unknown>;
  readonly bad: fc.Arbitrary<unknown>;
}

const integer = (least: number, most: number): Parameter => ({
  good: fc.integer({ min: least, max: most }),
  bad: notInteger(least, most),
});

const APPEND: readonly Parameter[] = [
  { good: fc.constant("198.51.100.1\n198.51.100.2"), bad: fc.oneof(NOTHING, fc.double(), fc.uint8Array()) },
  integer(1, NO_INTERFACE),
  // As the addresses are IPv4.
  { good: fc.option(fc.integer({ min: 0, max: 32 })), bad: notInteger(0, 32).filter((prefix) => prefix !== null) },
  integer(0, 255),
];

const FOREIGN_DESCRIPTORS = fc.constantFrom(
  Int32Array.of(0),
  Int32Array.of(-1),
  Int32Array.of(announcer, 1),
  Int32Array.of(announcer, announcer),
);
const DESCRIPTOR: Parameter = { good: fc.constant(announcer), bad: fc.oneof(FOREIGN, NOT_A_NUMBER) };

const ONE_MAC: Parameter = {
  good: fc.uint8Array({ minLength: 6, maxLength: 6 }),
  bad: fc.oneof(notWhole(6), fc.constant(new Uint8Array(12))),
};

const ADDRESSES: Parameter = { good: fc.constant(new Uint8Array(32)), bad: notWhole(16) };

const PARAMETERS: Readonly<Record<string, readonly Parameter[]>> = {
  links: [],
  addresses: [integer(-1, 255), integer(0, 2 ** 31 - 1), integer(1, 3)],
  openBatch: [integer(1, 3), integer(0, 255), integer(0, 2 ** 20), integer(1, 2 ** 30 - 1)],
  openAnnouncer: [],
  announce: [
    DESCRIPTOR,
    integer(1, 2 ** 31 - 1),
    ONE_MAC,
    { good: fc.constant(new Uint8Array(12)), bad: notWhole(6) },
    ADDRESSES,
  ],
  killSockets: [
    { good: fc.constant(new Uint8Array(32)), bad: notWhole(16) },
    { good: fc.boolean(), bad: NOT_A_BOOLEAN },
  ],
  connections: [{ good: fc.constant(new Uint8Array(32)), bad: notWhole(16) }],
  uses: [{ good: fc.constant(new Uint8Array(32)), bad: notWhole(16) }],
  keepsTags: [],
  tickle: [{ good: CONNECTIONS, bad: fc.oneof(notWhole(36), BAD_CONNECTIONS) }],
  bindSockets: [{ good: fc.constant(new Uint8Array(36)), bad: notWhole(18) }],
  releaseSocket: [DESCRIPTOR],
  closeSockets: [
    { good: fc.constant(Int32Array.of(announcer)), bad: fc.oneof(NOT_BYTES, fc.uint8Array(), FOREIGN_DESCRIPTORS) },
  ],
  probe: [DESCRIPTOR, integer(1, 2 ** 31 - 1), ONE_MAC, ADDRESSES, ADDRESSES],
  openLan: [integer(1, 2 ** 31 - 1), ONE_MAC, { good: fc.constant(() => undefined), bad: NOT_A_FUNCTION }],
  neighbours: [integer(0, 2 ** 31 - 1)],
  openMonitor: [
    integer(1, 2 ** 30 - 1),
    { good: fc.boolean(), bad: NOT_A_BOOLEAN },
    { good: fc.constant(() => undefined), bad: NOT_A_FUNCTION },
  ],
  openLifeline: [{ good: fc.constant("hf0"), bad: BAD_NAME }],
  close: [DESCRIPTOR],
};

/** A call with at least one argument wrong, and the others right. */
function wrongCall(parameters: readonly Parameter[]): fc.Arbitrary<unknown[]> {
  return fc
    .integer({ min: 0, max: parameters.length - 1 })
    .chain((wrong) => fc.tuple(...parameters.map(({ good, bad }, at) => (at === wrong ? bad : good))));
}

const FUNCTIONS = Object.entries(addon).filter(([, value]) => typeof value === "function");

function methodOf(object: object, name: string): (...args: unknown[]) => unknown {
  const call: unknown = Reflect.get(object, name);
  if (typeof call !== "function") throw new Error(`there is no ${name}`);
  return (...args) => Reflect.apply(call, object, args);
}

const exported = (name: string) => methodOf(addon, name);

describe("the addon", () => {
  it("exports nothing whose arguments are not tried here", () => {
    const untried = FUNCTIONS.map(([name]) => name).filter((name) => !Object.hasOwn(PARAMETERS, name));
    expect(untried, "each needs a row in PARAMETERS").toEqual([]);
  });

  const taking = FUNCTIONS.map(([name]) => [name, PARAMETERS[name] ?? []] as const).filter(
    ([, { length }]) => length > 0,
  );
  it.each(taking)(
    "answers any wrong argument of %s with a TypeError that says what was expected",
    (name, parameters) => {
      const call = exported(name);
      fc.assert(
        fc.property(wrongCall(parameters), (args) => {
          expect(() => call(...args)).toThrow(
            expect.objectContaining({
              name: "TypeError",
              code: "ERR_NATIVE_ARGUMENT",
              message: expect.stringContaining(`${name} needs (`),
            }),
          );
        }),
        { numRuns: 500 },
      );
    },
  );

  it.each(taking)("answers too few arguments of %s with a TypeError", (name, parameters) => {
    const call = exported(name);
    const good = fc.tuple(...parameters.map((parameter) => parameter.good));
    fc.assert(
      fc.property(good, fc.integer({ min: 0, max: parameters.length - 1 }), (args, count) => {
        expect(() => call(...args.slice(0, count))).toThrow(TypeError);
      }),
    );
  });

  it.skipIf(announcer < 0)(
    "answers wrong arguments of a LAN port's methods with a TypeError, and a second close",
    async () => {
      const lan = await addon.openLan(1, new Uint8Array(6), () => undefined);
      const methods: Readonly<Record<string, readonly Parameter[]>> = {
        own: [{ good: fc.boolean(), bad: NOT_A_BOOLEAN }, ADDRESSES],
        disown: [ADDRESSES],
        seek: [ADDRESSES],
        forsake: [ADDRESSES],
      };
      for (const [name, parameters] of Object.entries(methods)) {
        const expected = { name: "TypeError", message: expect.stringContaining(`${name} needs (`) };
        fc.assert(
          fc.property(wrongCall(parameters), (args) => {
            expect(() => methodOf(lan, name)(...args)).toThrow(expect.objectContaining(expected));
          }),
        );
      }
      const closing = lan.close();
      expect(() => lan.close()).toThrow("close needs");
      lan.own(true, new Uint8Array(16)); // of no effect, and no harm
      await closing;
      lan.disown(new Uint8Array(16));
    },
  );

  describe("a batch", () => {
    it("answers any wrong argument of append with a TypeError, and takes nothing", () => {
      const batch = addon.openBatch(1, 104, 3, 4096);
      const append = methodOf(batch, "append");
      const expected = {
        name: "TypeError",
        code: "ERR_NATIVE_ARGUMENT",
        message: expect.stringContaining("append needs ("),
      };
      fc.assert(
        fc.property(wrongCall(APPEND), (args) => {
          expect(() => append(...args)).toThrow(expect.objectContaining(expected));
        }),
        { numRuns: 500 },
      );
      expect(() => batch.append("fd00::1\n198.51.100.1", NO_INTERFACE, 64, 0)).toThrow("of the family of each address");
      expect(batch.append("198.51.100.1\nfd00::1\n198.51.100.2", NO_INTERFACE, null, 0)).toBe(3);
    });

    it("takes no more addresses than it was opened for", () => {
      const batch = addon.openBatch(1, 104, 3, 4096);
      expect(batch.append("198.51.100.1\n198.51.100.2", NO_INTERFACE, null, 0)).toBe(2);
      expect(batch.append("198.51.100.3\n198.51.100.4", NO_INTERFACE, null, 0)).toBe(0);
      expect(batch.append("198.51.100.3", NO_INTERFACE, null, 0)).toBe(1);
      expect(batch.append("198.51.100.4", NO_INTERFACE, null, 0)).toBe(0);
    });

    it("runs once, takes no addresses from then on, and says of how many it knows", async () => {
      const batch = addon.openBatch(1, 104, 3, 4096);
      batch.append("198.51.100.1", NO_INTERFACE, null, 0);
      expect(batch.done()).toBe(0);
      expect(() => batch.run(Number.NaN, NEVER)).toThrow("milliseconds or Infinity");
      const run = batch.run(NEVER, NEVER);
      expect(() => batch.append("198.51.100.1", NO_INTERFACE, null, 0)).toThrow("before the batch runs");
      expect(() => batch.run(NEVER, NEVER)).toThrow("has not run");
      const { statuses } = await run;
      expect([...statuses].every((status) => [ENODEV, EPERM].includes(status))).toBe(true); // as root, or not
      expect(statuses).toHaveLength(1);
      expect(batch.done()).toBe(1);
    });

    it("asks the kernel for nothing once its time is over", async () => {
      const batch = addon.openBatch(1, 104, 1, 4096);
      batch.append("198.51.100.1", NO_INTERFACE, null, 0);
      expect([...(await batch.run(0, NEVER)).statuses]).toEqual([-constants.errno.ETIME]);
    });

    it("asks the kernel for nothing once it is cancelled", async () => {
      const batch = addon.openBatch(1, 104, 1, 4096);
      batch.append("198.51.100.1", NO_INTERFACE, null, 0);
      batch.cancel();
      expect([...(await batch.run(NEVER, NEVER)).statuses]).toEqual([-constants.errno.ECANCELED]);
      expect(batch.done()).toBe(0);
    });
  });
});
