import { defineCommand, noArguments } from "../command.js";

const form = { name: "summary", parameters: "" };

export default defineCommand({
  ...form,
  summary: "show every counter of this node since its start",
  effect: "reads",
  parse: noArguments(form),
  async run({ control, consoleCounters }) {
    const all = Object.entries({ ...(await control.counters()), ...consoleCounters });
    return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
  },
  *render(counters) {
    const width = Math.max(0, ...Object.keys(counters).map((name) => name.length));
    for (const [name, value] of Object.entries(counters)) yield `${name.padEnd(width)}  ${value}\n`;
  },
});
