/**
 * Who configures an address, and who may own a unit: each such set of members is kept once, however many addresses have
 * it. So a member that departs is struck off in few places, and what holds for a set is worked out once.
 */
import type { Voice } from "./voices.js";

/** Members, sorted, with what each runs on the address. */
export type Participants = ReadonlyMap<string, readonly string[]>;

/** Members that may own a unit, sorted. */
export type Electorate = readonly string[];

const NOBODY: Electorate = [];

export class Rolls {
  readonly #participants = new Map<string, Map<string, readonly string[]>>();
  readonly #ofParticipants = new Map<Participants, string[]>();
  readonly #electorates = new Map<string, string[]>();

  constructor(private readonly voices: readonly Voice[]) {}

  /** @param said number of a voice and the services that it has on the address, in the order of voices. */
  participants(said: readonly { readonly voice: number; readonly services: readonly string[] }[]): Participants {
    let key = "";
    for (const { voice, services } of said) key += `${voice} ${services.join(" ")};`;
    const known = this.#participants.get(key);
    if (known !== undefined) return known;
    const pairs = said.flatMap(({ voice, services }) =>
      (this.voices[voice]?.members ?? []).map((member): [string, readonly string[]] => [member, services]),
    );
    const participants = new Map(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
    this.#participants.set(key, participants);
    return participants;
  }

  /**
   * A member that knows only a part of a unit is second choice: it would leave followers without a home.
   *
   * @param lead who configures the address that leads.
   * @param followers who configures each of the others.
   */
  electorate(lead: Participants, followers: readonly Participants[]): Electorate {
    if (followers.some((participants) => participants !== lead)) {
      const whole = [...lead.keys()].filter((member) => followers.every((participants) => participants.has(member)));
      if (whole.length > 0) return this.#electorate(whole);
    }
    const known = this.#ofParticipants.get(lead);
    if (known !== undefined) return known;
    const all = this.#electorate([...lead.keys()]);
    this.#ofParticipants.set(lead, all);
    return all;
  }

  get nobody(): Electorate {
    return NOBODY;
  }

  /**
   * Strikes off a member that departed. @returns false, with nothing done, when that is not all that changes: it alone
   * said what it said, or those of its voice are heard in another order now.
   */
  strike(member: string): boolean {
    const voice = this.voices.find(({ members }) => members.includes(member));
    if (voice === undefined || !isAsGoodWithout(this.voices, voice, member)) return false;
    voice.members.splice(voice.members.indexOf(member), 1);
    for (const participants of this.#participants.values()) participants.delete(member);
    for (const electorate of this.#electorates.values()) {
      const at = electorate.indexOf(member);
      if (at >= 0) electorate.splice(at, 1);
    }
    return true;
  }

  /** Rolls whose members depart without any of these sets being changed. */
  fork(): Rolls {
    const voices = this.voices.map(({ members, entries }) => ({ members: [...members], entries }));
    return new Rolls(voices);
  }

  #electorate(members: string[]): string[] {
    const key = members.join(" ");
    const known = this.#electorates.get(key);
    if (known !== undefined) return known;
    this.#electorates.set(key, members);
    return members;
  }
}

function isAsGoodWithout(voices: readonly Voice[], { members }: Voice, member: string): boolean {
  if (members.length === 1) return false;
  return voices.length === 1 || members[0] !== member;
}
