/** Priorities: what is no dictionary, and the time that it takes to find out. */

import { assert, assertEquals } from "@std/assert";
import { parsePriority } from "../../../drivers/http2/priority.ts";

const DEFAULT = { urgency: 3, incremental: false };

/** Dictionaries with `u=1, i`, as they may be written. */
const TAKEN = [
  "u=1, i",
  " u=1,i ",
  "u=1  ,\t i=?1",
  "a=(), u=1, i",
  "a=( ), u=1, i",
  "a=(1), u=1, i",
  'a=( 1  "b";c=d  e;f ), u=1, i',
  "u=1;x, i;y=?0",
];

for (const value of TAKEN) {
  Deno.test(`parsePriority() takes ${JSON.stringify(value)} (RFC 8941 §3.2, RFC 9218 §4)`, () => {
    assertEquals(parsePriority(value), { urgency: 1, incremental: true });
  });
}

for (const value of ["u=1, a=(", "u=1, a=(1", "u=1, a=(1 2", "u=1, a=(1;)", "u=1,", "u=1 x", "u=1, a=(1  "]) {
  Deno.test(`parsePriority() takes ${JSON.stringify(value)} for nothing (RFC 8941 §4.2)`, () => {
    assertEquals(parsePriority(value), DEFAULT);
  });
}

/** What a dictionary means that has a member twice, or one of another type. */
const MEANT: readonly (readonly [value: string, urgency: number, incremental: boolean])[] = [
  ["u=1, u=5", 5, false],
  ["u=1, u=9", 3, false],
  ["u=1, u=()", 3, false],
  ["u=1, u", 3, false],
  ["i, i=?0", 3, false],
  ["i, i=1", 3, false],
  ["i=?0, i", 3, true],
  ["u=007", 7, false],
  ["u=-0", 0, false],
  ["u=-1", 3, false],
  ["u=1.0", 3, false],
  ['a=",u=1,i,", u=2', 2, false],
  ["a;u=1;i, u=2", 2, false],
  ["a=(u i), u=2", 2, false],
  ["i\t", 3, true],
  ["a=9999999999999.9, u=1", 3, false],
];

for (const [value, urgency, incremental] of MEANT) {
  Deno.test(`parsePriority() makes ${urgency}${incremental ? ", i" : ""} of ${JSON.stringify(value)} (RFC 8941 §4.2.2)`, () => {
    assertEquals(parsePriority(value), { urgency, incremental });
  });
}

/** Values that end in what they may not, behind many characters that could be read in two ways. */
const TEDIOUS: readonly (readonly [name: string, make: (count: number) => string])[] = [
  ["spaces alone", (count) => `${" ".repeat(count)}!`],
  ["an inner list of spaces", (count) => `a=(${" ".repeat(count)}`],
  ["an inner list with spaces behind an item", (count) => `a=(1${" ".repeat(count)}`],
  ["spaces behind a member", (count) => `a${" ".repeat(count)}!`],
  ["items", (count) => `a=(${"1 ".repeat(count / 2)}`],
  ["parameters", (count) => `a${";b".repeat(count / 2)}!`],
  ["members", (count) => `${"a,".repeat(count / 2)}!`],
  ["an endless text", (count) => `a="${"b".repeat(count)}`],
];

/** The least time of several tries, in milliseconds. */
function timeOf(value: string): number {
  let least = Infinity;
  for (let run = 0; run < 20; run++) {
    const start = performance.now();
    for (let count = 0; count < 300; count++) parsePriority(value);
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

for (const [name, make] of TEDIOUS) {
  Deno.test(`parsePriority() refuses ${name} in time that grows with the length alone (RFC 9218 §4)`, () => {
    const [short, long] = [make(60), make(240)];
    assertEquals([parsePriority(short), parsePriority(long)], [DEFAULT, DEFAULT]);
    timeOf(long);
    const growth = timeOf(long) / timeOf(short);
    assert(growth < 8, `four times the length took ${growth.toFixed(1)} times as long: 16 for a square`);
  });
}
