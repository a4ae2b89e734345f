import type { CommandContext } from "../command.js";
import { defineCommand, usageError } from "../command.js";

const form = { name: "mailq", parameters: "[--domain|-d <domain>]... [--binding|-b <name>]... [--limit|-l <rows>]" };

interface Filter {
  /** Lower case; empty: every domain. */
  readonly domains: ReadonlySet<string>;
  readonly bindings: ReadonlySet<string>;
  /** 0: no limit. */
  readonly limit: number;
}

type Queues = Awaited<ReturnType<CommandContext["control"]["queues"]>>;

/** Right edges of the last three columns, as in the ancestor's table: 58, 66, 74. */
const DOMAIN_EDGE = 58;
const COUNT_WIDTH = 8;
const DEFAULT_LIMIT = 20;

/** The busiest queues, a row for each binding and domain. Mail on its way to another node is in `default/#mmove`. */
export default defineCommand({
  ...form,
  summary: "show how much mail waits, by binding and domain, busiest first",
  effect: "reads",
  details: `--domain, -d   only this domain; may be given more than once
--binding, -b  only this binding; may be given more than once
--limit, -l    rows to show, 20 unless told; 0 shows all

    mailq -d gmail.com --limit 5`,
  parse,
  async run({ control }, filter) {
    const chosen = (await control.queues())
      .filter((row) => filter.domains.size === 0 || filter.domains.has(row.domain))
      .filter((row) => filter.bindings.size === 0 || filter.bindings.has(row.binding))
      .sort((a, b) => b.active + b.delayed - (a.active + a.delayed) || (rowKey(a) < rowKey(b) ? -1 : 1));
    const rows = filter.limit === 0 ? chosen : chosen.slice(0, filter.limit);
    return { rows, omitted: chosen.length - rows.length };
  },
  *render({ rows, omitted }) {
    yield tableRow("Group/Binding", "Domain", "AQ", "DQ");
    yield `${"-".repeat(DOMAIN_EDGE + 2 * COUNT_WIDTH)}\n`;
    for (const row of rows) yield tableRow(`${row.group}/${row.binding}`, row.domain, row.active, row.delayed);
    if (omitted > 0) yield `(${omitted} more; --limit 0 shows all)\n`;
  },
});

function rowKey(row: Queues[number]): string {
  return `${row.group}/${row.binding} ${row.domain}`;
}

/** Names are never cut: a long one pushes the rest of its row to the right. */
function tableRow(name: string, domain: string, active: number | string, delayed: number | string): string {
  const middle = domain.padStart(Math.max(DOMAIN_EDGE - name.length, domain.length + 1));
  return `${name}${middle}${String(active).padStart(COUNT_WIDTH)}${String(delayed).padStart(COUNT_WIDTH)}\n`;
}

function parse(words: readonly string[]): Filter {
  const domains = new Set<string>();
  const bindings = new Set<string>();
  let limit = DEFAULT_LIMIT;
  for (let at = 0; at < words.length; at += 2) {
    const option = words[at];
    const value = words[at + 1];
    if (value === undefined) throw usageError(form, `"${option}" needs a value or is no option`);
    if (option === "--domain" || option === "-d") domains.add(value.toLowerCase());
    else if (option === "--binding" || option === "-b") bindings.add(value);
    else if ((option === "--limit" || option === "-l") && /^\d{1,9}$/.test(value)) limit = Number(value);
    else throw usageError(form, `"${option} ${value}" is not understood`);
  }
  return { domains, bindings, limit };
}
