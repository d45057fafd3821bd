/**
 * The stories of hpack-test-case: blocks that six other encoders made, decoded to the lists that they were made of.
 *
 * `header_table_size` of a case is the setting that was acknowledged before it; all of them are within the 4096 bytes that
 * our decoder allows from the beginning to the end.
 */

import { assert, assertEquals } from "@std/assert";
import { HpackDecoder } from "../../../../drivers/http2/hpack/decoder.ts";
import { fromHex, type Pair, pairsOf } from "../support.ts";

const CORPUS = new URL("../../../../../shared/fixtures/hpack-test-case/", import.meta.url);
const STORIES = 36;
const TABLE_SIZE = 4096;

interface Case {
  readonly seqno: number;
  readonly wire: string;
  readonly headers: readonly Readonly<Record<string, string>>[];
  readonly header_table_size?: number;
}

/** The paths of all stories, or `null` where the corpus is not there. */
function findStories(): string[] | null {
  try {
    const encoders = [...Deno.readDirSync(CORPUS)].filter(({ isDirectory }) => isDirectory);
    return encoders.flatMap(({ name }) =>
      [...Deno.readDirSync(new URL(`${name}/`, CORPUS))].map((story) => `${name}/${story.name}`)
    ).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function readCases(story: string): readonly Case[] {
  return JSON.parse(Deno.readTextFileSync(new URL(story, CORPUS))).cases;
}

function listOf({ headers }: Case): Pair[] {
  return headers.flatMap((header) => Object.entries(header));
}

/** Decodes all blocks of a story, and gives how many there were. */
function tell(cases: readonly Case[]): number {
  const decoder = new HpackDecoder({ headerSizeLimit: 65_536, headerCountLimit: 200 }, TABLE_SIZE);
  for (const one of cases) {
    assert((one.header_table_size ?? TABLE_SIZE) <= TABLE_SIZE, `case ${one.seqno} is within our table`);
    const decoded = decoder.decode(fromHex(one.wire));
    assertEquals(pairsOf(decoded), listOf(one), `case ${one.seqno}`);
    assertEquals(decoded.tooLarge, false);
    assert(decoder.table.size <= (one.header_table_size ?? TABLE_SIZE), `the table of case ${one.seqno}`);
  }
  return cases.length;
}

const stories = findStories();

if (stories === null) {
  Deno.test({
    name:
      `HpackDecoder.decode() takes hpack-test-case (RFC 7541 §3) [ignored: ${CORPUS.pathname} is not there]`,
    ignore: true,
    fn: () => {},
  });
} else {
  Deno.test(`hpack-test-case has ${STORIES} stories, of which none is passed over (RFC 7541 §3)`, () => {
    assertEquals(stories.length, STORIES);
  });
  for (const story of stories) {
    Deno.test(`HpackDecoder.decode() takes every block of hpack-test-case/${story} (RFC 7541 §3)`, () => {
      assert(tell(readCases(story)) > 0, "there are cases");
    });
  }
}
