/** What was last told of each address's home, so that only changes are told. */
import type { Home } from "../io.js";
import { unitOf, type Definitions } from "./definitions.js";
import type { Row } from "./table.js";

export class Homes {
  readonly #told = new Map<string, Home>();

  /** @returns the homes that changed in the given units. */
  changes(leads: Iterable<string>, definitions: Definitions, rows: ReadonlyMap<string, Row>): Home[] {
    const homes: Home[] = [];
    for (const lead of leads) {
      const [row, unit] = [rows.get(lead), definitions.units.get(lead)];
      if (row === undefined || unit === undefined) continue;
      const { owner, epoch } = row;
      for (const { address } of [unit.lead, ...unit.followers]) this.#tell({ address, owner, epoch }, homes);
    }
    return homes;
  }

  /** @returns the homes that ended because their address belongs to no unit any more. */
  ended(definitions: Definitions): Home[] {
    const homes: Home[] = [];
    for (const { address, owner, epoch } of this.#told.values()) {
      if (owner !== null && unitOf(definitions, address) === undefined)
        this.#tell({ address, owner: null, epoch }, homes);
    }
    return homes;
  }

  #tell(home: Home, homes: Home[]): void {
    const known = this.#told.get(home.address);
    if (known?.owner === home.owner && known.epoch === home.epoch) return;
    this.#told.set(home.address, home);
    homes.push(home);
  }
}
