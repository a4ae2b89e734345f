/** `holdfast kernel ...`: the kernel layer by hand, without a daemon. Here the command line is described and taken apart. */
import { once } from "node:events";
import { type Command, InvalidArgumentError, Option } from "commander";
import { ERROR_CODES, HoldfastError } from "../../errors.js";
import {
  type BatchOptions,
  HOLDFAST_PROTOCOL,
  type Kernel,
  type KernelOptions,
  type Link,
  openKernel,
} from "../../kernel/index.js";
import type { Surroundings } from "../run.js";
import { type AddressSources, readAddresses, usageError } from "./addresses.js";
import { announceAll, formatAnnounce } from "./announce.js";
import { formatLink, formatListed, listed } from "./listing.js";
import {
  arpObstacle,
  checkEnded,
  checkPlace,
  formatPlumb,
  freeLifelineName,
  type PlumbPlace,
  plumbOrUnplumb,
  type PlumbReport,
  progressOf,
} from "./plumb.js";
import { formatConnection, formatKill, killOn } from "./sockets.js";
import { formatWatchEvent, WatchEvents } from "./watch.js";

/** What the options of every command leave behind. */
interface Context extends Surroundings {
  readonly json: () => boolean;
  readonly setExit: (status: number) => void;
}

interface KernelContext extends Context {
  /** Under the tag of `--protocol`. */
  readonly open: (options?: KernelOptions) => Kernel;
}

type GivenAddresses = Omit<AddressSources, "words">;
type GivenPlaces = GivenAddresses & { readonly link: string };
type PlumbOptions = GivenPlaces & PlumbPlace & { readonly lifeline?: true; readonly hold?: true };

export function describeKernelCommand(program: Command, surroundings: Context): void {
  const kernel = program
    .command("kernel")
    .description("addresses, routes and ARP of this host by hand; needs no daemon")
    .option("--protocol <n>", "tag of what is plumbed, 4 to 255", integer(4, 255), HOLDFAST_PROTOCOL);
  const open = (options: KernelOptions = {}) => openKernel({ ...kernel.opts<{ protocol: number }>(), ...options });
  const context: KernelContext = { ...surroundings, open };
  kernel
    .command("links")
    .description("list the interfaces")
    .action(() => withKernel(open(), (opened) => printLinks(opened, context)));
  kernel
    .command("list")
    .description("list addresses and local routes: those that holdfast plumbed, or every one")
    .addOption(new Option("--owned", "those with the tag of holdfast (default)").conflicts("all"))
    .option("--all", "every one of this host")
    .action((options: { readonly all?: true }) =>
      withKernel(open(), (opened) => printAddresses(opened, options.all === true, context)),
    );
  kernel
    .command("watch")
    .description("tell what changes, as the kernel tells it, until SIGINT or SIGTERM")
    .option("--neighbours", "tell of neighbours too")
    .action((options: { readonly neighbours?: true }) =>
      withKernel(open(), (opened) => watch(opened, options.neighbours === true, context)),
    );
  withPlaces(kernel.command("plumb"))
    .description("put addresses on an interface")
    .addOption(modeOption())
    .option("--prefix <n>", "prefix length of an alias (default: the host's)", integer(1, 128))
    .option("--lifeline", "put them on a TUN device that goes with this process, however it ends; needs --hold")
    .option("--hold", "stay until SIGINT or SIGTERM, then take them away again")
    .action((words: readonly string[], options: PlumbOptions) => plumb(words, options, context));
  withPlaces(kernel.command("unplumb"))
    .description("take addresses of holdfast away from an interface")
    .addOption(modeOption())
    .option("--prefix <n>", "prefix length that they were plumbed with", integer(1, 128))
    .action((words: readonly string[], options: PlumbOptions) => unplumb(words, options, context));
  withPlaces(kernel.command("announce"))
    .description(
      "announce addresses with the interface's hardware address: gratuitous ARP, or for IPv6 neighbour advertisements",
    )
    .option("--rounds <n>", "times, 1.1 s apart", integer(1, 100), 3)
    .option("--rate <n>", "frames a second; an address takes two a round, IPv6 one", integer(1, 10_000_000), 10_000)
    .action((words: readonly string[], options: GivenPlaces & { readonly rounds: number; readonly rate: number }) =>
      announce(words, options, context),
    );
  withAddresses(kernel.command("connections"))
    .description("list the established TCP connections on addresses of this host")
    .action((words: readonly string[], options: GivenAddresses) => printConnections(words, options, context));
  withAddresses(kernel.command("kill-sockets"))
    .description("close all that is connected on addresses of this host, and reset its peers")
    .option("--listening", "close sockets that listen on them, too")
    .action((words: readonly string[], options: GivenAddresses & { readonly listening?: true }) =>
      killSockets(words, options, context),
    );
}

function withPlaces(command: Command): Command {
  return withAddresses(command).requiredOption("--link <name>", "interface: name or alternative name");
}

function withAddresses(command: Command): Command {
  return command
    .argument("[address...]", "IPv4 or IPv6 addresses, or ranges")
    .option("--range <first+count>", "consecutive addresses, 10.1.0.1+10240")
    .option("--file <path>", "an address or range a line, comments after #");
}

function modeOption(): Option {
  return new Option("--mode <mode>", "aliases, or local host routes (the one for thousands)")
    .choices(["address", "route"])
    .default("address");
}

function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`);
  };
}

async function withKernel(kernel: Kernel, work: (kernel: Kernel) => Promise<void>): Promise<void> {
  try {
    await work(kernel);
  } finally {
    await kernel.close();
  }
}

async function printLinks(kernel: Kernel, { json, out }: Context): Promise<void> {
  const links = await kernel.links();
  if (json()) return out(asJson(links));
  for (const link of links) await out(formatLink(link, links));
}

async function printAddresses(kernel: Kernel, all: boolean, { json, out }: Context): Promise<void> {
  const found = await kernel.addresses(all ? {} : { protocol: kernel.protocol });
  const rows = listed(found, await kernel.links(), kernel.protocol);
  if (json()) return out(asJson(rows));
  for (const row of rows) await out(formatListed(row));
}

/** Says that it has begun, so that what a script does next is seen. */
async function watch(kernel: Kernel, neighbours: boolean, { json, out, err, stopped }: Context): Promise<void> {
  const stop = stopped();
  const events = new WatchEvents(await kernel.links(), kernel.protocol);
  let printed: Promise<unknown> = Promise.resolve();
  const monitor = await kernel.watch(
    (changes) => {
      const lines = events.of(changes).map((event) => (json() ? asJson(event) : formatWatchEvent(event)));
      if (lines.length > 0) printed = printed.then(() => out(lines.join("")));
    },
    { neighbours },
  );
  err("watching\n");
  await aborted(stop);
  await monitor.close();
  await printed;
}

async function plumb(words: readonly string[], options: PlumbOptions, context: KernelContext): Promise<void> {
  const addresses = readAddresses({ ...options, words });
  const { lifeline = false, hold = false } = options;
  if (lifeline && !hold) throw usageError("--lifeline needs --hold: the addresses go when this command ends");
  if (lifeline && options.prefix !== undefined) throw usageError("--prefix: a lifeline carries host addresses only");
  checkPlace(addresses, options);
  await withKernel(context.open(), async (kernel) => {
    const link = await findLink(kernel, options.link);
    const obstacle = lifeline || options.mode === "route" ? arpObstacle(link) : null;
    if (obstacle !== null) context.err(`holdfast: ${obstacle}\n`);
    const signal = context.stopped();
    const device = lifeline ? await kernel.openLifeline(freeLifelineName(await kernel.links())) : null;
    const on = device ?? { name: link.name, ifindex: link.index };
    const report = await plumbOrUnplumb(kernel, "plumb", addresses, on, options, {
      ...progress("plumb", context),
      signal,
    });
    await printPlumb(report, context);
    if (hold) {
      await aborted(signal);
      if (device !== null) await device.close();
      else await printPlumb(await plumbOrUnplumb(kernel, "unplumb", addresses, on, options, {}), context);
    }
    checkEnded(report);
  });
}

async function unplumb(words: readonly string[], options: PlumbOptions, context: KernelContext): Promise<void> {
  const addresses = readAddresses({ ...options, words });
  checkPlace(addresses, options);
  await withKernel(context.open(), async (kernel) => {
    const { name, index } = await findLink(kernel, options.link);
    const report = await plumbOrUnplumb(kernel, "unplumb", addresses, { name, ifindex: index }, options, {
      ...progress("unplumb", context),
      signal: context.stopped(),
    });
    await printPlumb(report, context);
    checkEnded(report);
  });
}

function progress(operation: PlumbReport["operation"], context: Context): BatchOptions {
  return context.progress === null ? {} : { onProgress: progressOf(operation, context.progress) };
}

/** A promise and a signal handler alone would not keep a process running; the timer does. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const running = setInterval(() => {}, 60_000);
  await once(signal, "abort");
  clearInterval(running);
}

async function announce(
  words: readonly string[],
  options: GivenPlaces & { readonly rounds: number; readonly rate: number },
  { json, out, setExit, open }: KernelContext,
): Promise<void> {
  const addresses = readAddresses({ ...options, words });
  await withKernel(open({ arpRate: options.rate, arpRefreshMs: 0 }), async (kernel) => {
    const report = await announceAll(kernel, addresses, await findLink(kernel, options.link), options.rounds);
    await out(json() ? asJson(report) : formatAnnounce(report));
    if (report.framesFailed > 0) setExit(ERROR_CODES.ERR_NETLINK.exit);
  });
}

async function printConnections(
  words: readonly string[],
  options: GivenAddresses,
  { json, out, open }: KernelContext,
): Promise<void> {
  const addresses = readAddresses({ ...options, words });
  await withKernel(open(), async (kernel) => {
    const connections = await kernel.connections(addresses);
    if (json()) return out(asJson(connections));
    for (const connection of connections) await out(formatConnection(connection));
  });
}

async function killSockets(
  words: readonly string[],
  options: GivenAddresses & { readonly listening?: true },
  { json, out, setExit, open }: KernelContext,
): Promise<void> {
  const addresses = readAddresses({ ...options, words });
  await withKernel(open(), async (kernel) => {
    const report = await killOn(kernel, addresses, options.listening === true);
    await out(json() ? asJson(report) : formatKill(report));
    if (report.failures.length > 0) setExit(ERROR_CODES.ERR_NETLINK.exit);
  });
}

async function printPlumb(report: PlumbReport, { json, out, setExit }: Context): Promise<void> {
  await out(json() ? asJson(report) : formatPlumb(report));
  if (report.failures.length > 0) setExit(ERROR_CODES.ERR_NETLINK.exit);
}

async function findLink(kernel: Kernel, name: string): Promise<Link> {
  const links = await kernel.links();
  const link = links.find((one) => one.name === name || one.altnames.includes(name));
  if (link !== undefined) return link;
  const there = links.map((one) => one.name).join(", ");
  throw new HoldfastError("ERR_LINK_UNKNOWN", `this host has no interface "${name}"; it has ${there}`, {
    interface: name,
  });
}

/** One line an answer, so that a program can read `plumb --hold` as it goes. */
function asJson(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
