/**
 * What is printed of a campaign.
 *
 * @module
 */

import type { Report } from "./campaign.ts";

/** How many of the outcomes are shown. */
const SHOWN_LABELS = 24;

/** Prints a fault: what it is, its smallest input, and how to run it again. */
export function printFound({ name, found }: Report, seed: number): void {
  if (found === null) return;
  const { case: index, error, input } = found;
  console.log(`\n${name}: seed ${seed}, case ${index}\n  ${error.stack ?? error}`);
  if (error.cause !== undefined) console.log("  cause:", error.cause);
  console.log(`  input: ${show(input)}`);
  console.log(`  again: deno task fuzz --seed ${seed} --target ${name} --case ${index}\n`);
}

/** JSON in which each character above ASCII is escaped, as a test can have it. */
export function show(input: unknown): string {
  return JSON.stringify(input).replace(
    /[\x7f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Prints the figures of all targets, and what was not reached. */
export function printTable(reports: readonly Report[]): void {
  const rows = [[
    "target",
    "cases",
    "per second",
    "accepted",
    "refused",
    "longest ms",
    "heap MiB",
    "outcomes",
  ]];
  for (const report of reports) {
    const { name, cases, time, accepted, refused, longest, growth, labels } = report;
    const grown = growth === null ? "" : `${growth < 0 ? "" : "+"}${(growth / 2 ** 20).toFixed(1)}`;
    const share = (100 * accepted / Math.max(1, accepted + refused)).toFixed(0);
    const rate = (1000 * cases / time).toFixed(0);
    rows.push([
      name,
      `${cases}`,
      rate,
      `${accepted} (${share} %)`,
      `${refused}`,
      longest.toFixed(0),
      grown,
      `${labels.size}`,
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    console.log(
      row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)).join(
        "  ",
      ),
    );
  }
  for (const { name, labels } of reports) {
    const sorted = [...labels].sort(([, one], [, other]) => other - one).slice(0, SHOWN_LABELS);
    console.log(`${name}: ${sorted.map(([label, count]) => `${label} ${count}`).join(", ")}`);
  }
  for (const { name, shallow } of reports) {
    for (const what of shallow) console.log(`${name}: ${what}`);
  }
}
