/** `Duravip_Follow`: from the name or address in the text to the address that a listener's own stays with. */
import { canonicalAddress } from "./address.js";
import type { WrittenBinding } from "./bindings.js";
import type { Diagnostics } from "./diagnostics.js";
import type { Service } from "./duravip.js";
import type { WrittenListen } from "./listeners.js";
import type { Listen } from "./types.js";

type Follow = NonNullable<Listen["follow"]>;

interface Refusal {
  readonly rule: string;
  readonly message: string;
  readonly remedy: string | null;
}

export class FollowResolver {
  readonly #bindings: ReadonlyMap<string, WrittenBinding["stanza"]>;
  readonly #names: readonly string[];
  readonly #addresses: ReadonlySet<string | null>;
  readonly #managed: ReadonlyMap<string, Service>;
  readonly #following: ReadonlyMap<string, Service>;
  readonly #diagnostics: Diagnostics;

  /** @param managed, following the first stanza that says so, by address. */
  constructor(
    bindings: readonly WrittenBinding[],
    managed: ReadonlyMap<string, Service>,
    following: ReadonlyMap<string, Service>,
    diagnostics: Diagnostics,
  ) {
    this.#bindings = new Map(bindings.map(({ stanza }) => [stanza.name, stanza]));
    this.#names = [...this.#bindings.keys()];
    this.#addresses = new Set(bindings.map(({ stanza }) => stanza.address));
    this.#managed = managed;
    this.#following = following;
    this.#diagnostics = diagnostics;
  }

  /** @returns null when the listener follows nothing, or names what cannot be followed, which is reported. */
  resolve(listen: WrittenListen): Follow | null {
    const { target } = listen;
    const own = listen.stanza.endpoint.host;
    const text = target?.value;
    if (target === undefined || text === undefined || text === null) return null;
    const address = canonicalAddress(text);
    const found = address === null ? this.#byName(text) : this.#byAddress(address);
    const outcome = "rule" in found ? found : this.#check(found, own);
    if ("rule" in outcome) this.#diagnostics.error(outcome.rule, target.at, outcome.message, outcome.remedy);
    if ("rule" in found || found.address !== own) this.#checkUnmanaged(listen);
    return "rule" in outcome ? null : outcome;
  }

  /** An address is managed by itself or follows, not both, whichever stanza says which. */
  #checkUnmanaged({ stanza, enable }: WrittenListen): void {
    const { endpoint, at } = stanza;
    const other = this.#managed.get(endpoint.host);
    if (other === undefined || enable?.value === true) return;
    const message = `${endpoint.host} cannot follow: it is managed by itself, because of ${other.title}`;
    this.#diagnostics.error("follow-and-enable", at, message, "give the follower an address of its own");
  }

  #byName(name: string): Follow | Refusal {
    const binding = this.#bindings.get(name);
    if (name === "default") {
      return refusal(
        "follow-default",
        "the binding default cannot be followed",
        "follow a binding with a VIP of its own",
      );
    }
    if (binding === undefined) {
      const remedy = this.#diagnostics.suggestion(name, this.#names) ?? "name a binding or its address";
      return refusal("follow-unknown", `there is no binding "${name}" to follow`, remedy);
    }
    if (binding.address !== null) return { target: name, binding: name, address: binding.address };
    return refusal("follow-unmanaged", `binding "${name}" has no address to follow`, "give it a Bind_Address");
  }

  /** Any VIP may be followed by its address, a listener's too. */
  #byAddress(address: string): Follow | Refusal {
    const known = this.#managed.has(address) || this.#following.has(address) || this.#addresses.has(address);
    if (known) return { target: address, binding: null, address };
    return refusal("follow-unknown", `no binding has the address ${address}, which is to be followed`, null);
  }

  #check(follow: Follow, own: string): Follow | Refusal {
    const { address, binding } = follow;
    const what = binding === null ? address : `binding "${binding}"`;
    if (address === own) {
      const message = `the listener has the address of ${what}, ${address}, and cannot follow itself`;
      return refusal("follow-same-address", message, "give listener and binding different addresses");
    }
    if (this.#managed.has(address)) return follow;
    const other = this.#following.get(address);
    if (other !== undefined) {
      const message = `${what} cannot be followed: ${address} is the address of ${other.title}, which follows too`;
      return refusal("follow-chain", message, "follow what that one follows");
    }
    return refusal("follow-unmanaged", `${what} is no VIP, so it never moves`, "write Enable_Duravip = true in it");
  }
}

function refusal(rule: string, message: string, remedy: string | null): Refusal {
  return { rule, message, remedy };
}
