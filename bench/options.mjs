/** The command line of the bench. What is wrong with it is said in a line, before anything is set up. */
import { parseArgs } from "node:util";

const NAMES = ["B1", "B2", "B3", "B4", "B5", "B7"];
const HELP = `npm run bench -- [--only ${NAMES.join(",")}] [--rounds 5] [--full] [--json FILE]

  --only    these benches, with commas between (docs/BENCHMARKS.md says what each is)
  --rounds  how often each side has its turn
  --full    adds B2 with 1,024,000 routes and B7 with 1,000,000 VIPs
  --json    writes every sample to a file
`;
/** EX_USAGE of sysexits(3). */
const EXIT_USAGE = 64;

/** @param {readonly string[]} words */
export function readOptions(words) {
  try {
    const options = parse(words);
    if (options !== null) return options;
    process.stdout.write(HELP);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`bench: ${error.message}\n\n${HELP}`);
    process.exit(EXIT_USAGE);
  }
}

/** @returns null where help is asked for. */
function parse(words) {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: "boolean", short: "h", default: false },
      only: { type: "string", default: NAMES.join(",") },
      rounds: { type: "string", default: "5" },
      full: { type: "boolean", default: false },
      json: { type: "string" },
    },
  });
  if (values.help) return null;
  const chosen = values.only.split(",");
  const unknown = chosen.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw new Error(`there is no bench ${unknown}, only ${NAMES.join(", ")}`);
  const rounds = Number(values.rounds);
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new Error(`expected a number of rounds, not ${values.rounds}`);
  return { chosen, rounds, full: values.full, json: values.json };
}
