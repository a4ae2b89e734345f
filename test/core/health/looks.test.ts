import { describe, expect, it } from "vitest";
import { Ears } from "../../../src/core/health/ears.js";
import { Footing } from "../../../src/core/health/footing.js";
import { Greetings } from "../../../src/core/health/greetings.js";

describe("who is heard", () => {
  const look = (ears: Ears, members: readonly string[], answering: readonly string[]) => {
    const asked = ears.turn(members);
    ears.hear(asked, new Set(asked.filter((member) => answering.includes(member))));
    return ears.heard;
  };

  it("is who has answered, and has not missed two questions in a row since", () => {
    const ears = new Ears();
    expect(look(ears, ["a", "b"], ["a"])).toEqual(["a"]);
    expect(look(ears, ["a", "b"], ["a", "b"])).toEqual(["a", "b"]);
    expect(look(ears, ["a", "b"], ["b"])).toEqual(["a", "b"]);
    expect(look(ears, ["a", "b"], ["b"])).toEqual(["b"]);
  });

  it("is nobody after two looks without an answer, however many there are", () => {
    const ears = new Ears();
    const many = Array.from({ length: 20 }, (_, i) => `n${i}`);
    for (let i = 0; i < 5; i++) look(ears, many, many);
    expect(ears.heard).toHaveLength(20);
    expect(look(ears, many, [])).toHaveLength(20);
    expect(look(ears, many, [])).toEqual([]);
  });

  it("is asked in turn, four at a time, and forgotten when it has gone", () => {
    const ears = new Ears();
    const six = ["a", "b", "c", "d", "e", "f"];
    expect([ears.turn(six), ears.turn(six), ears.turn(six)]).toEqual([
      ["a", "b", "c", "d"],
      ["e", "f", "a", "b"],
      ["c", "d", "e", "f"],
    ]);
    ears.hear(six, new Set(six));
    ears.turn(["a", "b"]);
    expect(ears.heard).toEqual(["a", "b"]);
  });
});

describe("a host's own address and routes", () => {
  const ground = (addresses: readonly string[], ways: Record<string, boolean> = {}) => ({
    addresses,
    ways: new Map(Object.entries(ways)),
  });

  it("are missed in the second look without them, and no more once they are back", () => {
    const footing = new Footing();
    expect(footing.look(ground(["10.1.0.2"]))).toBeNull();
    expect(footing.look(ground([]))).toBeNull();
    expect(footing.look(ground([]))).toBe("has lost its own address 10.1.0.2");
    expect(footing.look(ground([]))).toBe("has lost its own address 10.1.0.2");
    expect(footing.look(ground(["10.1.0.9"]))).toBeNull();
    expect(footing.look(ground([]))).toBeNull();
    expect(footing.look(ground([]))).toBe("has lost its own address 10.1.0.9");
  });

  it("are not missed where they have never been", () => {
    const footing = new Footing();
    for (let i = 0; i < 3; i++) expect(footing.look(ground([], { "to clients elsewhere": false }))).toBeNull();
  });

  it("are missed way by way, and what cannot be looked for is not missed", () => {
    const footing = new Footing();
    footing.look(ground(["10.1.0.2"], { "to clients elsewhere": true, "to others": true }));
    footing.look(ground(["10.1.0.2"], { "to clients elsewhere": false }));
    expect(footing.look(ground(["10.1.0.2"]))).toBeNull();
    expect(footing.look(ground(["10.1.0.2"], { "to clients elsewhere": false, "to others": true }))).toBe(
      "has no route to clients elsewhere any more",
    );
  });
});

describe("a service", () => {
  const places = Array.from({ length: 5 }, (_, i) => ({ address: `10.1.1.${i}`, port: 25 }));
  const failure = "ECONNREFUSED";

  it("is in trouble after four tries in a row that failed, over five seconds, and out of it with a greeting", () => {
    const greetings = new Greetings(places);
    const [place] = greetings.turn(() => true);
    if (place === undefined) throw new Error("nothing is tried");
    for (let at = 0; at < 5_000; at += 1_000) greetings.tell({ place, failure }, at);
    expect(greetings.trouble).toBeNull();
    greetings.tell({ place, failure }, 5_000);
    expect(greetings.trouble).toBe("does not greet on 10.1.1.0 port 25 (ECONNREFUSED)");
    greetings.tell({ place, failure: null }, 5_001);
    expect(greetings.trouble).toBeNull();
  });

  it("is not in trouble because of three slow tries, however long they took", () => {
    const greetings = new Greetings(places);
    const [place] = greetings.turn(() => true);
    if (place === undefined) throw new Error("nothing is tried");
    for (const at of [8_000, 16_000, 24_000]) greetings.tell({ place, failure }, at);
    expect(greetings.trouble).toBeNull();
  });

  it("is tried on two places at a time, in turn, and again where it failed", () => {
    const greetings = new Greetings(places);
    const tried = () => greetings.turn(() => true).map(({ address }) => address.at(-1));
    expect([tried(), tried(), tried()]).toEqual([
      ["0", "1"],
      ["2", "3"],
      ["4", "0"],
    ]);
    greetings.tell({ place: { address: "10.1.1.3", port: 25 }, failure }, 0);
    expect(tried()).toEqual(["3", "1"]);
  });

  it("that has nothing left to be tried is not in trouble", () => {
    const greetings = new Greetings(places);
    for (let at = 0; at <= 6_000; at += 1_000)
      for (const place of greetings.turn(() => true)) greetings.tell({ place, failure }, at);
    expect(greetings.trouble).not.toBeNull();
    expect(greetings.turn(() => false)).toEqual([]);
    expect(greetings.trouble).toBeNull();
  });
});
