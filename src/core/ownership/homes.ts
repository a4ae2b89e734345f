/** What was last told of each address's home, so that only changes are told. */
import type { Home } from "../io.js";
import { unitOf, type Definitions } from "./definitions.js";
import { LargeMap } from "../large-map.js";
import { SLICE, type Slices } from "../slices.js";
import type { Row } from "./table.js";

export interface HomeChange extends Home {
  /** The owner that was told before; undefined where none was. */
  readonly before: string | null | undefined;
}

export class Homes {
  readonly #told = new LargeMap<Home>();

  /** @returns the homes that changed in the given units. */
  *changes(leads: Iterable<string>, definitions: Definitions, rows: ReadonlyMap<string, Row>): Slices<HomeChange[]> {
    const homes: HomeChange[] = [];
    let seen = 0;
    for (const lead of leads) {
      if (++seen % SLICE === 0) yield;
      const [row, unit] = [rows.get(lead), definitions.units.get(lead)];
      if (row === undefined || unit === undefined) continue;
      const { owner, epoch } = row;
      for (const { address } of [unit.lead, ...unit.followers]) this.#tell({ address, owner, epoch }, homes);
    }
    return homes;
  }

  /** @returns the homes that ended because their address belongs to no unit any more. */
  *ended(definitions: Definitions): Slices<HomeChange[]> {
    const homes: HomeChange[] = [];
    let seen = 0;
    for (const { address, owner, epoch } of this.#told.values()) {
      if (++seen % SLICE === 0) yield;
      if (owner !== null && unitOf(definitions, address) === undefined)
        this.#tell({ address, owner: null, epoch }, homes);
    }
    return homes;
  }

  #tell(home: Home, homes: HomeChange[]): void {
    const known = this.#told.get(home.address);
    if (known?.owner === home.owner && known.epoch === home.epoch) return;
    this.#told.set(home.address, home);
    homes.push({ ...home, before: known?.owner });
  }
}
