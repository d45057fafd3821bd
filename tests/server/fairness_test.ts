/** One peer that never rests, and another client beside it, over real sockets and in processes of their own. */

import { assert } from "../support/assert.ts";
import { latin1 } from "../support/bytes.ts";
import { pass, within } from "../support/deadline.ts";
import { RawClient } from "../support/raw_client.ts";

/** How long one flood is measured, in milliseconds. */
const duration = 1_500;

/** What half of the answers beside a flood may take, in milliseconds. Unmended they take 200 to 3 000. */
const longestMedian = 150;

/** A program of `tests/support` that has said its first line. */
async function start(name: string, args: readonly string[] = []): Promise<[Deno.ChildProcess, string]> {
  const script = new URL(`../support/${name}`, import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await within(`the first line of ${name}`, reader.read(), 20_000);
  reader.releaseLock();
  return [child, new TextDecoder().decode(value)];
}

async function end(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // the server has refused its flood, and it has ended
  }
  await child.stdin.close().catch(() => {});
  await child.stdout.cancel();
  await child.status;
}

/** The time from connecting to the answer, in milliseconds. */
async function visit(port: number): Promise<number> {
  const began = performance.now();
  const client = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }), 10_000);
  await client.send(latin1("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  const { status } = await client.readResponse();
  assert(status === 200, "the other client is answered");
  const time = performance.now() - began;
  await client.close();
  return time;
}

const floods = [
  ["pipelined", 8, "pipelined requests"],
  ["work", 1, "pipelined requests to a handler that works for a millisecond"],
  ["upload", 8, "uploads"],
  ["endless", 8, "endless responses to fast readers"],
  ["drops", 8, "endless responses in chunks of 16 bytes"],
  ["echo", 8, "connections that were taken over and are echoed"],
] as const;

for (const [kind, count, what] of floods) {
  Deno.test(`beside ${count} connections with ${what} another client is answered soon`, async () => {
    const [server, port] = await start("fair_server.ts");
    const [peer] = await start("flood.ts", [kind, port.trim(), String(count)]);
    try {
      await pass(200);
      const times: number[] = [];
      const last = performance.now() + duration;
      while (performance.now() < last) times.push(await visit(Number(port)));
      times.sort((first, second) => first - second);
      const median = times[times.length >> 1]!;
      assert(median < longestMedian, `half of ${times.length} answers took up to ${median.toFixed(1)} ms`);
    } finally {
      await end(peer);
      await end(server);
    }
  });
}
