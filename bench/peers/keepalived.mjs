/**
 * keepalived as the master of one virtual router that has every address, by its VRRP process alone. It takes them as soon as
 * it has started: the owner of the addresses (priority 255) waits for nobody.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { range } from "../host.mjs";

const IS_THERE = spawnSync("keepalived", ["--version"]).status === 0;

export function keepalivedSide(name, run) {
  return IS_THERE ? { name, run } : { name, install: "keepalived" };
}

/**
 * @param announcements how often it goes over all addresses, a frame for each, once they are there. It does so without a pause
 *   between frames by default (vrrp_garp_interval), and here without a second set later.
 */
export function configureKeepalived(host, count, announcements = 1) {
  const [first, ...others] = range(count).map((address) => `    ${address}/32`);
  const lines = [
    "global_defs {",
    "  vrrp_version 3",
    `  vrrp_garp_master_repeat ${announcements}`,
    "  vrrp_garp_master_delay 0",
    "}",
    "vrrp_instance bench {",
    "  interface eth1",
    "  mcast_src_ip 192.0.2.1", // eth1 has no address to send from
    "  virtual_router_id 1",
    "  state MASTER",
    "  priority 255",
    "  virtual_ipaddress {",
    first,
    "  }",
    "  virtual_ipaddress_excluded {", // an advertisement has room for no more than 255
    ...others,
    "  }",
    "}",
  ];
  return { count, file: host.writeLines(`keepalived-${count}-${announcements}`, lines) };
}

/**
 * Starts it where `host.withLink` has made eth1, and waits until it has plumbed every address.
 *
 * @param witness an agent, which looks every millisecond or so
 */
export async function startKeepalived(host, witness, { count, file }) {
  const pidFile = join(host.directory, "keepalived-vrrp.pid");
  const words = ["keepalived", "--dont-fork", "--vrrp", "--no-syslog", "--log-console", `--use-file=${file}`];
  words.push(`--pid=${join(host.directory, "keepalived.pid")}`, `--vrrp_pid=${pidFile}`);
  words.push("--dont-respawn"); // or killing its VRRP process would start another
  const startedAt = performance.now();
  const child = host.start(words, ["ignore", "ignore", "pipe"]);
  const log = text(child.stderr);
  const exit = once(child, "exit");
  const fails = exit.then(async () => {
    throw new Error(`keepalived ends by itself:\n${await log}`);
  });
  const firstToLastMs = await Promise.race([witness.call("awaitAll", count), fails]);
  const fromStartMs = performance.now() - startedAt;
  const there = await witness.call("count", count);
  if (there !== count) throw new Error(`keepalived plumbed ${there} addresses of ${count}`);
  return {
    firstToLastMs,
    fromStartMs,
    /** Has it take its addresses away. */
    stop: async () => {
      child.kill("SIGTERM");
      await exit;
    },
    kill: async () => {
      process.kill(Number(readFileSync(pidFile, "utf8")), "SIGKILL");
      await exit;
    },
  };
}
