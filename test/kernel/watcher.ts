/** A monitor and what it has told, for agent.ts. */
import { loadAddon } from "../../src/kernel/addon.js";
import { openMonitor } from "../../src/kernel/monitor.js";
import type { FoundAddress, Kernel, KernelChanges, Monitor } from "../../src/kernel/types.js";

const place = (one: FoundAddress) => JSON.stringify(one);

export class Watcher {
  #monitor: Monitor | null = null;
  #changes: KernelChanges[] = [];
  /** The dump at the start, and every change since. */
  #table = new Set<string>();

  constructor(private readonly kernel: Kernel) {}

  async open(receiveBytes?: number): Promise<void> {
    this.#table = new Set(Array.from(await this.kernel.addresses(), place));
    const tell = (changes: KernelChanges) => {
      this.#changes.push(changes);
      for (const one of changes.removed) this.#table.delete(place(one));
      for (const one of changes.added) this.#table.add(place(one));
    };
    this.#monitor =
      receiveBytes === undefined
        ? await this.kernel.watch(tell, { neighbours: true })
        : await openMonitor(loadAddon(), tell, {}, receiveBytes);
  }

  report() {
    return {
      removed: this.#changes.flatMap(({ removed }) => removed),
      added: this.#changes.flatMap(({ added }) => added),
      links: this.#changes.flatMap(({ links }) =>
        links.map(({ before, after }) => [before?.name ?? null, after?.name ?? null, after?.up ?? null]),
      ),
      neighbours: this.#changes.flatMap(({ neighbours }) => neighbours),
      /** In one call of the handler. */
      most: Math.max(0, ...this.#changes.map(({ removed, added }) => Math.max(removed.length, added.length))),
      resyncs: this.#changes.filter(({ resynced }) => resynced).length,
    };
  }

  async isRight(absent: readonly string[]): Promise<boolean> {
    const dump = [...(await this.kernel.addresses())];
    const same = dump.length === this.#table.size && dump.every((one) => this.#table.has(place(one)));
    return same && dump.every(({ address }) => this.#has(address)) && !absent.some((address) => this.#has(address));
  }

  async close(): Promise<void> {
    await Promise.all([this.#monitor?.close(), this.#monitor?.close()]);
  }

  #has(address: string): boolean {
    return this.#monitor?.has(address) === true;
  }
}
