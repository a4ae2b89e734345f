import { describe, expect, it } from "vitest";
import { chooseBinding, type Directory, listenerBinding, type Member } from "../../src/mail/binding-choice.js";
import { binding, listen } from "./fixtures.js";

/** Members by group, as "name", "name local", "name suspended", "name local suspended". */
function directory(groups: Readonly<Record<string, readonly string[]>>, bindings: readonly string[] = []): Directory {
  const turns = new Map<string, number>();
  const read = (text: string): Member => {
    const [name = "", ...words] = text.split(" ");
    return { name, local: words.includes("local"), suspended: words.includes("suspended") };
  };
  return {
    hasBinding: (name) => bindings.includes(name),
    members: (group) => groups[group]?.map(read) ?? null,
    turn: (group) => {
      const turn = turns.get(group) ?? 0;
      turns.set(group, turn + 1);
      return turn;
    },
    random: () => 0.5,
  };
}

const choices = (count: number, header: string, of: Directory) =>
  Array.from({ length: count }, () => chooseBinding(null, header, of).binding);

describe("the choice of a binding", () => {
  it("takes the listener's before the header's before default", () => {
    const known = directory({}, ["a", "b"]);
    expect(chooseBinding("a", "b", known)).toEqual({ binding: "a", unknown: null });
    expect(chooseBinding(null, "b", known)).toEqual({ binding: "b", unknown: null });
    expect(chooseBinding(null, null, known)).toEqual({ binding: "default", unknown: null });
  });

  it("compares names exactly, and says which it does not know", () => {
    const known = directory({ G: ["m local"] }, ["A"]);
    expect(chooseBinding(null, "a", known)).toEqual({ binding: "default", unknown: "a" });
    expect(chooseBinding(null, "g", known)).toEqual({ binding: "default", unknown: "g" });
    expect(chooseBinding(null, "G", known)).toEqual({ binding: "m", unknown: null });
  });

  it("takes a binding before a group of the same name", () => {
    expect(chooseBinding(null, "x", directory({ x: ["m local"] }, ["x"])).binding).toBe("x");
  });

  it("spreads mail for a group evenly over members that are awake and local", () => {
    const of = directory({ g: ["a local", "b", "c local suspended", "d local"] });
    expect(choices(4, "g", of)).toEqual(["a", "d", "a", "d"]);
  });

  it("goes to another node rather than to a suspended member here", () => {
    const of = directory({ g: ["a local suspended", "b", "c"] });
    expect(choices(3, "g", of)).toEqual(["b", "c", "b"]);
  });

  it("stays here when all members are suspended", () => {
    const of = directory({ g: ["a suspended", "b local suspended", "c local suspended"] });
    expect(choices(2, "g", of)).toEqual(["c", "c"]);
  });

  it("falls to default for a group without members", () => {
    expect(chooseBinding(null, "g", directory({ g: [] }))).toEqual({ binding: "default", unknown: "g" });
  });
});

describe("a listener's binding", () => {
  const on = (address: string) =>
    address === "192.0.2.1" ? [binding("first", { address }), binding("second", { address })] : [];

  it("is the one that it follows by name, or that is on the address it follows", () => {
    const follow = { target: "x", binding: "named", address: "192.0.2.1" };
    expect(listenerBinding(listen("192.0.2.9", 25, { follow }), "192.0.2.9", on)).toBe("named");
    expect(listenerBinding(listen("192.0.2.9", 25, { follow: { ...follow, binding: null } }), "192.0.2.9", on)).toBe(
      "first",
    );
  });

  it("is the first on its own address, for a wildcard on the one that the client connected to", () => {
    expect(listenerBinding(listen("192.0.2.1", 25), "192.0.2.1", on)).toBe("first");
    expect(listenerBinding(listen("*", 25), "192.0.2.1", on)).toBe("first");
    expect(listenerBinding(listen("*", 25), "192.0.2.2", on)).toBeNull();
  });
});
