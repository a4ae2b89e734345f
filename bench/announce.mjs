/** B4: gratuitous ARP, unpaced through the native call, and how well the pace is kept. */
import { compare } from "./harness.mjs";
import { compileFloor } from "./host.mjs";
import { arpingSide, startArping } from "./peers/arping.mjs";
import { configureKeepalived, keepalivedSide, startKeepalived } from "./peers/keepalived.mjs";

const ADDRESSES = 102_400;
const FRAMES = 2 * ADDRESSES;
/** Of keepalived, which announces what it has plumbed, and that takes quadratic time. */
const FEW = 10_240;
const RATES = [1_000, 10_000, 100_000];
/** Of announcing at each rate. */
const SECONDS = 2;

export async function benchAnnounce(host, { rounds }) {
  const agent = await host.startAgent();
  const floor = compileFloor("arp");
  const runFloor = (ifindex) => host.run([floor, `${ADDRESSES}`, `${ifindex}`]);
  const sides = [
    { name: "holdfast", run: () => withDeafLink(host, (ifindex) => agent.call("announce", ADDRESSES, ifindex)) },
    floor === null
      ? { name: "C program", install: "gcc" }
      : { name: "C program", run: async () => Number(await withDeafLink(host, runFloor)) },
    ...peerSides(host, agent),
  ];
  const unpaced = await compare({ bench: "B4", title: `${FRAMES} ARP frames, unpaced`, rounds, count: FRAMES, sides });
  const paced = [];
  process.stdout.write("B4 ARP frames, paced\n");
  for (const rate of RATES) {
    const addresses = (rate * SECONDS) / 2;
    const measured = await host.withLink((ifindex) => agent.call("announcePaced", addresses, ifindex, rate));
    const errorPercent = (measured / rate - 1) * 100;
    paced.push({ rate, measured, errorPercent });
    process.stdout.write(`  wanted ${rate} a second, measured ${Math.round(measured)}: ${errorPercent.toFixed(1)} %\n`);
  }
  process.stdout.write("\n");
  return [unpaced, { bench: "B4", title: "ARP frames, paced", paced }];
}

/** Both ends are of one host, and what its ARP makes of a frame at the other end depends on whether it has the address. */
function withDeafLink(host, work) {
  return host.withLink(async (ifindex) => {
    await host.run(["ip", "link", "set", "peer1", "arp", "off"]);
    return work(ifindex);
  });
}

/** Their rate once they are under way, as the time of as many frames. */
function peerSides(host, witness) {
  const run = (start) => () =>
    withDeafLink(host, async () => {
      const kill = await start();
      const rate = await witness.call("countFrames", FRAMES);
      await kill();
      return (FRAMES * 1000) / rate;
    });
  const configuration = configureKeepalived(host, FEW, FRAMES / FEW);
  const startKeepalivedHere = async () => (await startKeepalived(host, witness, configuration)).kill;
  return [
    keepalivedSide("keepalived", run(startKeepalivedHere)),
    arpingSide(
      "arping, one address",
      run(() => startArping(host)),
    ),
  ];
}
