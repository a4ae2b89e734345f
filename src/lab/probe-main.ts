/** The prober as a process of the client's host. Argument: ProberOptions as JSON. Input and output: JSON lines. */
import { createInterface } from "node:readline";
import { Prober, type ProberOptions } from "./prober.js";

export type ProbeCommand =
  | { readonly command: "watch"; readonly addresses: readonly string[]; readonly forMs: number }
  | { readonly command: "round"; readonly id: number };

const print = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const options: ProberOptions = JSON.parse(process.argv[2] ?? "{}");
const prober = new Prober(options, print);

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command: ProbeCommand = JSON.parse(line);
    if (command.command === "watch") prober.watch(command.addresses, command.forMs);
    else void prober.round().then((answers) => print({ event: "round", id: command.id, answers }));
  })
  .on("close", () => prober.close());
