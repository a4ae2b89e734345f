import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { InjectorProcess, ProberProcess, SinkProcess } from "../../src/lab/observers.js";
import { poll } from "../../src/lab/poll.js";

const CLIENT = "10.77.0.1";
const SINK = "10.77.0.2";
const NOBODY = "10.77.0.9";
const PORT = 2525;
const WITHIN = { everyMs: 20, limitMs: 20_000 };

let network: LabNetwork;
let sink: SinkProcess;

beforeAll(async () => {
  network = await LabNetwork.create([
    { name: "client", interfaces: [{ name: "eth0", network: "mail", addresses: [`${CLIENT}/24`] }] },
    { name: "sink", interfaces: [{ name: "eth0", network: "mail", addresses: [`${SINK}/24`] }] },
  ]);
  sink = new SinkProcess(network, "sink", SINK, PORT);
  await sink.listening();
});

afterAll(() => network.remove());

describe("the injector and the sink", () => {
  it("tell the same messages, of those that were accepted", async () => {
    const mail = [{ header: "X-Lab-Binding: pool", sources: [CLIENT] }];
    const lanes = [SINK, NOBODY].map((listener) => ({ listener, mail }));
    const injector = new InjectorProcess(network, "client", { lanes, port: PORT, rate: 200, run: "run" });
    await poll(async () => (injector.accepted.length >= 20 ? true : null), WITHIN);

    const counts = await injector.stop();

    expect(counts.accepted).toBe(injector.accepted.length);
    expect(new Set(injector.accepted.map((one) => one.listener))).toEqual(new Set([SINK]));
    expect(Object.values(counts.refused).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
    const told = (messages: readonly { readonly token: string }[]) => messages.map(({ token }) => token).toSorted();
    expect(told(sink.delivered)).toEqual(told(injector.accepted));
    expect(new Set(sink.delivered.map(({ source }) => source))).toEqual(new Set([CLIENT]));
  });
});

describe("the prober's process", () => {
  it("answers a round, and reports what changes", async () => {
    const options = { addresses: [SINK, NOBODY], port: PORT, idleMs: 50, fastMs: 5, connectMs: 40, greetMs: 2_000 };
    const prober = new ProberProcess(network, "client", options);
    expect(await prober.round()).toEqual({ [SINK]: "sink", [NOBODY]: null });

    await network.cut("sink");
    const gone = await poll(async () => (prober.answers().get(SINK) === null ? true : null), WITHIN);
    await network.heal("sink");
    const back = await poll(async () => (prober.answers().get(SINK) === "sink" ? true : null), WITHIN);

    expect([gone, back]).toEqual([true, true]);
  });
});
