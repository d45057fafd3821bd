/**
 * One socket that never rests, and another client beside it, over real sockets and in processes of their own.
 */

import { assert } from "../support/assert.ts";
import { measureVisits, Program } from "../support/flooding.ts";
import { findTool, testWithTool } from "../support/tools.ts";

/**
 * What half of the answers beside a flood may take, and what 99 of 100 may, in milliseconds, on a machine
 * that has other things to do. Unmended the first answer took 4 to 14 seconds.
 */
const longestMedian = 60;
const longest = 400;

/** Without budgets, so that it is the turns of the event loop that protect the others. */
const UNLIMITED = JSON.stringify({ pingBudget: null, inflateBudget: null });

const flooder = new URL("../support/socket_flood.mjs", import.meta.url).pathname;

const floods = [
  ["pings", "/sink", "empty pings"],
  ["pongs", "/sink", "empty pongs"],
  ["messages", "/sink", "messages of one byte"],
  ["messages", "/echo", "messages of one byte that are sent back"],
  ["bombs", "/sink", "messages of a kilobyte that are inflated to a mebibyte"],
  ["bombs", "/echo", "messages of a mebibyte that are inflated, deflated and sent back"],
  ["empty", "/sink", "fragments without a byte"],
  ["fragments", "/sink", "fragments of one byte"],
] as const;

for (const [kind, path, what] of floods) {
  for (const version of ["HTTP/1.1", "HTTP/2"]) {
    const node = findTool("node");
    testWithTool(
      version === "HTTP/2" ? node : Deno.execPath(),
      "node",
      `beside a socket over ${version} with ${what} another client is answered soon`,
      async (program) => {
        await using server = await Program.start("socket_server.ts", [UNLIMITED]);
        const args = [flooder, kind, server.line, path, ...(version === "HTTP/2" ? ["h2"] : [])];
        await using peer = await Program.run(program, program === node ? args : ["run", "-A", ...args]);
        assert(peer.line === "flooding", `the flood began: ${peer.line}`);
        const { count, median, p99 } = await measureVisits(Number(server.line));
        console.log(
          `  ${count} answers: half within ${median.toFixed(1)} ms, 99 % within ${p99.toFixed(1)} ms`,
        );
        assert(median < longestMedian, `half of ${count} answers took up to ${median.toFixed(1)} ms`);
        assert(p99 < longest, `one in a hundred of ${count} answers took more than ${p99.toFixed(1)} ms`);
      },
    );
  }
}
