/** One LAN port for each interface that carries a Topology, opened and closed as interfaces come, go and change. */
import { explain } from "../errors.js";
import type { Kernel, Lan, Link, Sighting } from "../kernel/types.js";
import type { NodeEventSink } from "./node.js";
import type { Place } from "./place.js";

interface Port {
  readonly lan: Lan;
  readonly mac: string;
}

export class LanPorts {
  /** By index of the interface. */
  readonly #ports = new Map<number, Port>();
  #handler: ((sightings: readonly Sighting[]) => void) | null = null;
  /** Why one could not be opened at the last look; null where all are. */
  #failure: string | null = null;

  constructor(
    private readonly kernel: Pick<Kernel, "openLan">,
    private readonly sink: NodeEventSink,
  ) {}

  /** An interface without a hardware address has no such LAN. @throws what `Kernel.openLan` throws. */
  async listen(places: Iterable<Place>, handler: (sightings: readonly Sighting[]) => void): Promise<void> {
    this.#handler = handler;
    for (const link of linksOf(places).values()) await this.#open(link);
  }

  /** One could not be opened, and is to be tried again. */
  get isMissing(): boolean {
    return this.#failure !== null;
  }

  /** @param isOnLink are the addresses of a place those of its very interface? */
  async follow(places: readonly Place[], isOnLink: (place: Place) => boolean): Promise<void> {
    if (this.#handler === null) return;
    const links = linksOf(places);
    for (const [index, port] of this.#ports) {
      if (links.get(index)?.mac === port.mac) continue;
      this.#ports.delete(index);
      await port.lan.close();
    }
    let failure: string | null = null;
    for (const [index, link] of links) {
      if (this.#ports.has(index)) continue;
      try {
        const lan = await this.#open(link);
        for (const place of places)
          if (place.link?.index === index) await lan?.own([...place.plumbed], isOnLink(place));
      } catch (error) {
        failure = explain(error);
        if (failure !== this.#failure)
          this.sink({ level: "error", code: "lan-watch-failed", facts: { interface: link.name, reason: failure } });
      }
    }
    this.#failure = failure;
  }

  of({ link }: Place): Lan | undefined {
    return link === null ? undefined : this.#ports.get(link.index)?.lan;
  }

  async close(): Promise<void> {
    this.#handler = null;
    await Promise.all([...this.#ports.values()].map(({ lan }) => lan.close()));
  }

  async #open(link: Link): Promise<Lan | null> {
    if (link.mac === null || this.#handler === null) return null;
    const lan = await this.kernel.openLan(link, this.#handler);
    this.#ports.set(link.index, { lan, mac: link.mac });
    return lan;
  }
}

/** Interfaces with a hardware address, by index. */
function linksOf(places: Iterable<Place>): Map<number, Link> {
  const links = new Map<number, Link>();
  for (const { link } of places) if (link !== null && link.mac !== null) links.set(link.index, link);
  return links;
}
