/**
 * The injector as a process of the client's host. Argument: InjectorOptions as JSON. Prints one JSON line for each
 * message that got a 250; when its input ends, it finishes what is under way, prints its counts and ends.
 */
import { Injector, type InjectorOptions } from "./injector.js";

const print = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const options: InjectorOptions = JSON.parse(process.argv[2] ?? "{}");
const injector = new Injector(options, print);

process.stdin.resume().on("end", () => {
  void injector.stop().then(() => {
    print(injector.counts);
    process.exitCode = 0;
  });
});
