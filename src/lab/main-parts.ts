/** What the lab's programs for the terminal have in common. */
import { InvalidArgumentError } from "commander";

/** Whatever ends this process ends the lab: its exit handler removes it. */
export function endOnSignals(): void {
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
    ["SIGHUP", 1],
  ] as const) {
    process.once(signal, () => process.exit(128 + number));
  }
}

/** The argument of an option. Throws InvalidArgumentError. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("expected a number above 0");
  return value;
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
