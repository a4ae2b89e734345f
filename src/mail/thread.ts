/** The mail thread: the engine, and its calls in and events out. */
import { parentPort, workerData } from "node:worker_threads";
import { createMailEngine, type MailEngineParts } from "./engine.js";
import { type Call, errorToWire, type FromThread } from "./thread-protocol.js";
import type { MailService, MailSetup } from "./types.js";

/** All that the entry of a worker thread has to do, whose `workerData` is a MailSetup (service.ts). */
export function runMailThread(parts: MailEngineParts): void {
  const port = parentPort;
  if (port === null) throw new Error("this is for a worker thread");
  const setup: MailSetup = workerData;
  const say = (message: FromThread) => port.postMessage(message);
  const engine = createMailEngine(setup, (event) => say({ kind: "event", event }), parts);

  port.on("message", (call: Call) => {
    perform(engine, call).then(
      (value) => {
        say({ kind: "result", call: call.call, value });
        // Nothing is left to do: the thread ends by itself.
        if (call.method === "stop") port.close();
      },
      (error: unknown) => say({ kind: "failure", call: call.call, error: errorToWire(error) }),
    );
  });
}

async function perform(engine: MailService, call: Call): Promise<unknown> {
  switch (call.method) {
    case "listen":
      return engine.listen(...call.args);
    case "serve":
      return engine.serve(...call.args);
    case "withdraw":
      return engine.withdraw(...call.args);
    case "setHomes":
      return engine.setHomes(...call.args);
    default:
      return engine[call.method]();
  }
}
