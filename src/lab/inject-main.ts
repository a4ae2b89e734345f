/**
 * The injector as a process of the client's host. Argument: InjectorOptions as JSON. Prints one JSON line for each
 * message that got a 250; when its input ends, it finishes what is under way, prints its counts and ends.
 */
import { Injector, type InjectorOptions } from "./injector.js";

const print = (line: unknown, then?: () => void): void =>
  void process.stdout.write(`${JSON.stringify(line)}\n`, () => then?.());
const options: InjectorOptions = JSON.parse(process.argv[2] ?? "{}");
const injector = new Injector(options, (message) => print(message));

process.stdin.resume().on("end", () => {
  // Sockets that wait for the other side's end do not hold up this one's.
  void injector.stop().then(() => print(injector.counts, () => process.exit(0)));
});
