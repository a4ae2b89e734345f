import { describe, expect, it } from "vitest";
import { Cluster, FAILURE_MS } from "./cluster.js";
import { checkConverged, checkPromises } from "./promises.js";

/** SEED=n replays one run, SEEDS=n plays so many. */
function seeds(): readonly number[] {
  const one = process.env["SEED"];
  if (one !== undefined) return [Number(one)];
  return Array.from({ length: Number(process.env["SEEDS"] ?? 400) }, (_, i) => i + 1);
}

/** Two to five nodes; for some seconds everything that can go wrong does; then nothing more does. */
function play(seed: number): Cluster {
  const size = 2 + (seed % 4);
  const cluster = new Cluster(size, seed);
  cluster.delayMs = cluster.pick([1, 4, 40]);
  let sent = 0;
  const speak = () => {
    const run = cluster.run(cluster.pick(cluster.names));
    if (run !== undefined) cluster.multicast(run.name, `${run.name}${run.incarnation} ${sent++}`);
  };
  for (const name of cluster.names) if (cluster.draw(4) > 0) cluster.start(name);
  for (let i = 0; i < 12; i++) {
    for (let n = cluster.draw(30); n > 0; n--) {
      cluster.advance(cluster.draw(10));
      speak();
    }
    cluster.advance(cluster.draw(cluster.pick([10, 400])));
    for (let n = cluster.draw(4); n > 0; n--) speak();
    disturb(cluster);
    for (let n = cluster.draw(4); n > 0; n--) speak();
  }
  cluster.heal();
  for (const name of cluster.names) if (cluster.run(name)?.alive !== true) cluster.start(name);
  cluster.advance(6 * FAILURE_MS);
  for (let n = 0; n < 10; n++) speak();
  cluster.advance(FAILURE_MS);
  return cluster;
}

function disturb(cluster: Cluster): void {
  const [name, other] = [cluster.pick(cluster.names), cluster.pick(cluster.names)];
  const alive = cluster.run(name)?.alive === true;
  switch (cluster.draw(12)) {
    case 0:
      return alive ? cluster.crash(name) : cluster.start(name);
    case 1:
      return alive ? cluster.powerOff(name) : cluster.start(name);
    case 2:
      return alive ? cluster.leave(name) : cluster.start(name);
    case 3:
      return alive ? cluster.stall(name, cluster.draw(1500)) : cluster.start(name);
    case 4:
      return name === other ? cluster.isolate(name) : cluster.cut(name, other);
    case 5:
      return cluster.isolate(name);
    case 6:
      return cluster.reset(name, other);
    case 7:
    case 8:
      return cluster.reconnect(name, other);
    case 9:
      return cluster.clog(name, other);
    case 10:
      if (alive) cluster.crash(name);
      return cluster.start(name);
    default:
      return cluster.heal();
  }
}

describe("the group channel", () => {
  it("keeps its promises whatever fails, and all come together once nothing fails any more", () => {
    for (const seed of seeds()) {
      try {
        const cluster = play(seed);
        checkPromises(cluster);
        checkConverged(cluster);
        const faulty = cluster.runs.flatMap((run) => run.events.filter((event) => event.code === "peer-faulty"));
        expect(faulty, "nobody breaks the protocol").toEqual([]);
      } catch (error) {
        throw new Error(`replay with SEED=${seed}`, { cause: error });
      }
    }
  }, 120_000);
});
