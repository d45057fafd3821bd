/** One peer that never rests, and another client beside it, over real sockets and in processes of their own. */

import { assert } from "../support/assert.ts";
import { measureVisits, Program } from "../support/flooding.ts";

/** What half of the answers beside a flood may take, in milliseconds. Unmended they take 200 to 3 000. */
const longestMedian = 150;

const floods = [
  ["pipelined", 8, "pipelined requests"],
  ["work", 1, "pipelined requests to a handler that works for a millisecond"],
  ["toil", 1, "pipelined requests to a handler that works for six milliseconds"],
  ["upload", 8, "uploads"],
  ["endless", 8, "endless responses to fast readers"],
  ["drops", 8, "endless responses in chunks of 16 bytes"],
  ["echo", 8, "connections that were taken over and are echoed"],
] as const;

for (const [kind, count, what] of floods) {
  Deno.test(`beside ${count} connections with ${what} another client is answered soon`, async () => {
    await using server = await Program.start("fair_server.ts");
    await using _ = await Program.start("flood.ts", [kind, server.line, String(count)]);
    const { median, count: visits } = await measureVisits(Number(server.line));
    assert(median < longestMedian, `half of ${visits} answers took up to ${median.toFixed(1)} ms`);
  });
}
