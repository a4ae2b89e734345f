/** B4: gratuitous ARP, unpaced through the native call, and how well the pace is kept. */
import { compare } from "./harness.mjs";
import { compileFloor } from "./host.mjs";
import { keepalived, keepalivedAnnounces } from "./peers/keepalived.mjs";

const ADDRESSES = 102_400;
const FRAMES = 2 * ADDRESSES;
const FEW = 10_240;
const RATES = [1_000, 10_000, 100_000];
/** Of announcing at each rate. */
const SECONDS = 2;

export async function benchAnnounce(host, { rounds }) {
  const agent = await host.startAgent();
  const floor = compileFloor("arp");
  const runFloor = (ifindex) => host.run([floor, `${ADDRESSES}`, `${ifindex}`]);
  const sides = [
    { name: "holdfast", run: () => host.withLink((ifindex) => agent.call("announce", ADDRESSES, ifindex)) },
    floor === null
      ? { name: "C program", install: "gcc" }
      : { name: "C program", run: async () => Number(await host.withLink(runFloor)) },
  ];
  const unpaced = await compare({ bench: "B4", title: `${FRAMES} ARP frames, unpaced`, rounds, count: FRAMES, sides });
  // keepalived sends a reply for each address, holdfast a request and a reply.
  const few = await compare({
    bench: "B4",
    title: `a frame for each of ${FEW} addresses, unpaced`,
    rounds,
    count: FEW,
    sides: [
      {
        name: "holdfast, two frames each",
        run: () => host.withLink((ifindex) => agent.call("announce", FEW, ifindex)),
      },
      keepalived(() => keepalivedAnnounces(host, FEW)),
    ],
  });
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
  return [unpaced, few, { bench: "B4", title: "ARP frames, paced", paced }];
}
