/**
 * `deno task fuzz --seconds 600 --seed 1 --target http1`: looks for faults with random messages (see `README.md`).
 *
 * @module
 */

import { parseArgs } from "node:util";
import { campaign, type Report } from "./campaign.ts";
import { printFound, printTable } from "./print.ts";
import { TARGETS } from "./targets.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    target: { type: "string" },
    case: { type: "string" },
  },
});

/** A whole number of the command line. */
function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) {
    throw new RangeError(`--${name} is ${text}, but must be a whole number`);
  }
  return value;
}

const seed = whole("seed", values.seed ?? String(crypto.getRandomValues(new Uint32Array(1))[0]!));
const only = values.case === undefined ? null : whole("case", values.case);
const chosen = TARGETS.filter(({ name }) => (values.target ?? name) === name);
if (chosen.length === 0) {
  console.error(`There is no target ${values.target}: ${TARGETS.map(({ name }) => name).join(", ")}`);
  Deno.exit(2);
}
const seconds = Number(values.seconds) / chosen.length;
const reports: Report[] = [];
console.log(`seed ${seed}, ${seconds.toFixed(1)} s for each of ${chosen.length} targets`);
for (const target of chosen) {
  const reason = target.skip?.() ?? null;
  if (reason !== null) {
    console.log(`${target.name}: skipped, ${reason}`);
    continue;
  }
  const report = await campaign(target, { seed, seconds, only });
  reports.push(report);
  if (report.found !== null) printFound(report, seed);
}
printTable(reports);
Deno.exit(reports.some(({ found, shallow }) => found !== null || shallow.length > 0) ? 1 : 0);
