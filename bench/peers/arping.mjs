/** arping of Thomas Habets. The one of iputils has other options. */
import { existsSync } from "node:fs";
import { once } from "node:events";

/** Where Debian puts this one, and not the other. */
const PROGRAM = "/usr/sbin/arping";

export function arpingSide(name, run) {
  return existsSync(PROGRAM) ? { name, run } : { name, install: "arping" };
}

/** Announces one address, on eth1, until it is killed: a process knows no more than one. The pause is the shortest; with 0, it ends
 * after a frame. */
export function startArping(host) {
  const address = "10.1.0.1";
  const words = [PROGRAM, "-q", "-U", "-i", "eth1", "-S", address, "-W", "0.000001", address];
  const child = host.start(words, ["ignore", "inherit", "inherit"]);
  const exit = once(child, "exit");
  return async () => {
    child.kill("SIGKILL");
    await exit;
  };
}
