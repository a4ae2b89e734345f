import { describe, expect, it } from "vitest";
import { LogWriter } from "../../src/daemon/log-writer.js";

class Pipe {
  room = 0;
  /** "EPIPE" once its reader has gone. */
  error: string | null = null;
  text = "";

  readonly write = (bytes: Buffer): number => {
    if (this.error !== null) throw Object.assign(new Error(this.error), { code: this.error });
    if (this.room === 0) throw Object.assign(new Error("full"), { code: "EAGAIN" });
    const taken = Math.min(this.room, bytes.length);
    this.text += bytes.subarray(0, taken).toString();
    this.room -= taken;
    return taken;
  };
}

function writerTo(pipe: Pipe, bound = 100): LogWriter {
  return new LogWriter({ write: pipe.write, bound, leftOut: (count) => `${count} left out\n` });
}

describe("the writer of the log", () => {
  it("writes a line before it returns while the reader keeps up", () => {
    const pipe = new Pipe();
    pipe.room = 1_000;
    writerTo(pipe).write("one\n", false);
    expect(pipe.text).toBe("one\n");
  });

  it("keeps lines in their order while nobody reads, leaves out what is too much, and says how many", () => {
    const pipe = new Pipe();
    const writer = writerTo(pipe);
    pipe.room = 2;
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i + 10}\n`);
    for (const line of lines) writer.write(line, false);
    writer.write("it matters\n", true);
    writer.flush(0);
    expect(pipe.text).toBe("li");
    pipe.room = 1_000;
    writer.flush(0);
    expect(pipe.text).toBe(`${lines.slice(0, 12).join("")}it matters\n18 left out\n`);
  });

  it("goes on when the reader has gone, and says what is missing to the next one", () => {
    const pipe = new Pipe();
    const writer = writerTo(pipe);
    pipe.error = "EPIPE";
    for (let i = 0; i < 5; i++) writer.write("nobody\n", true);
    pipe.error = null;
    pipe.room = 1_000;
    writer.write("again\n", true);
    expect(pipe.text).toBe("again\n5 left out\n");
  });

  it("waits for the reader at the end, but not for ever", () => {
    const writer = writerTo(new Pipe());
    writer.write("one\n", true);
    writer.flush(20);
  });
});
