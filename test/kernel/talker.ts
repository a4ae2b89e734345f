/** Ends of TCP connections in a namespace: talker.mjs, as a test sees it. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("talker.mjs", import.meta.url));

/** Where it runs: a Namespace, or a host of the lab. */
interface Place {
  start(command: readonly string[]): ChildProcessWithoutNullStreams;
}

export class Talker {
  private constructor(private readonly lines: AsyncIterator<string>) {}

  /** Listens by the time this resolves. */
  static async listen(place: Place, port: number, address: string): Promise<Talker> {
    const talker = Talker.#start(place, ["listen", `${port}`, address]);
    await talker.says("listening");
    return talker;
  }

  /** Is connected to each of them by the time this resolves. */
  static async connect(place: Place, port: number, ...addresses: string[]): Promise<Talker> {
    const talker = Talker.#start(place, ["connect", `${port}`, ...addresses]);
    for (const _ of addresses) await talker.says("connected");
    return talker;
  }

  static #start(place: Place, args: string[]): Talker {
    const { stdout, stderr } = place.start([process.execPath, PROGRAM, ...args]);
    stderr.pipe(process.stderr);
    return new Talker(createInterface({ input: stdout })[Symbol.asyncIterator]());
  }

  /** The next line is this one; waits for it. */
  async says(expected: string): Promise<void> {
    const said = await this.next();
    if (said !== expected) throw new Error(`expected the talker to say ${expected}, not ${said}`);
  }

  /** The next line: "ECONNRESET", ... */
  async next(): Promise<string> {
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error("the talker ended");
    return value;
  }
}
