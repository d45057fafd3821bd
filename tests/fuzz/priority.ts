/**
 * Priorities (RFC 9218 §4) beside a plain parser of structured fields.
 *
 * @module
 */

import { parsePriority } from "../../drivers/http2/priority.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";
import { shorterTexts } from "./shrink.ts";
import { parseDictionary } from "./structured_fields.ts";
import { type Outcome, same, type Target } from "./target.ts";

const DICTIONARY = [
  "u=",
  "i",
  "i=?0",
  ",",
  ";",
  "=",
  "(",
  ")",
  " ",
  "\t",
  '"',
  "\\",
  ":",
  "?1",
  "-",
  ".",
  "9",
  "\xff",
];

function makeItem(random: Random): string {
  return random.pick([
    "0",
    "3",
    "7",
    "8",
    "-1",
    "1.5",
    "?0",
    "?1",
    "abc",
    '"a, u=1"',
    ":aGk=:",
    "999999999999999",
    "*a/b",
  ]);
}

function makeMember(random: Random): string {
  const key = random.pick(["u", "u", "i", "i", "a", "x-y", "*"]);
  const parameters = random.chance(15) ? random.pick([";a", "; a=1", ";u=1", ";i", ';a="u=2"']) : "";
  const value = random.weigh([
    [3, () => key === "u" ? `=${random.below(9)}` : ""],
    [2, () => `=${makeItem(random)}`],
    [1, () => `=(${random.times(random.below(3), () => makeItem(random)).join(" ")})`],
  ]);
  return key + value + parameters;
}

/** Beyond so many characters a priority is not looked into. */
const LENGTH_LIMIT = 256;

/** Fuzzes the parser of priorities. */
export const priority: Target<string> = {
  name: "priority",
  depth: { accepted: [40, 95], labels: 17 },
  make(random) {
    const members = random.times(random.size(4), () => makeMember(random));
    const text = members.join(random.pick([",", ", ", " ,\t"]));
    return random.chance(40) ? mutate(random, text, DICTIONARY) : text;
  },
  run(text): Outcome {
    const members = text.length > LENGTH_LIMIT ? null : parseDictionary(text);
    const u = members?.get("u");
    const i = members?.get("i");
    const urgency = typeof u === "number" && Number.isInteger(u) && u >= 0 && u <= 7 ? u : 3;
    const found = parsePriority(text);
    same("the priorities", { urgency, incremental: i === true }, found);
    const labels = [
      `u=${found.urgency}${found.incremental ? ", i" : ""}`,
      members === null ? "malformed" : "well-formed",
    ];
    return { accepted: members === null ? 0 : 1, refused: members === null ? 1 : 0, labels };
  },
  shrink: shorterTexts,
};
