/** RFC 9112 §9.6: a refusal is seen, also by who goes on sending, over real sockets. */

import { assert } from "../support/assert.ts";
import { until } from "../support/deadline.ts";
import { withTcpServer } from "../support/server.ts";

const SENDERS = 100;

/** What is sent first, and then again and again. */
const refusals: readonly (readonly [status: number, name: string, first: string, more: string])[] = [
  [431, "a head with too many lines", "GET / HTTP/1.1\r\nHost: a\r\n", "a: b\r\n"],
  [431, "a head that is too large", "GET / HTTP/1.1\r\nHost: a\r\na: ", "a"],
  [414, "a target that is too long", "GET /", "a"],
  [501, "a method without end", "A", "A"],
  [400, "a malformed field line", "GET / HTTP/1.1\r\nHost : a\r\n", "a: b\r\n"],
  [400, "lines that end in LF", "\n", "\n"],
  [413, "a body that is too large", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", "a"],
  [400, "a malformed chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz", "a"],
  [
    431,
    "a trailer without end",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: ",
    "a",
  ],
  [
    403,
    "a request that the handler refuses",
    "GET /no HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "a",
  ],
];

async function handler(request: Request): Promise<Response> {
  await request.bytes();
  return new Response(null, { status: 403 });
}

for (const [status, name, first, more] of refusals) {
  Deno.test(`${status} for ${name} is seen by who goes on sending (RFC 9112 §9.6)`, async () => {
    await withTcpServer(handler, { lingerTimeout: 1000 }, async ({ port, server }) => {
      const program = new URL("../support/stubborn_senders.ts", import.meta.url).pathname;
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", program, `${port}`, `${SENDERS}`, first, more],
      }).output();
      const seen = JSON.parse(new TextDecoder().decode(stdout) || "{}");
      const what = `${JSON.stringify(seen)} ${new TextDecoder().decode(stderr)}`;
      assert(seen[status] >= SENDERS - 1, `${status} was seen by: ${what}`);
      await until("the end of the connections", () => server.stats.clients === 0);
    });
  });
}
