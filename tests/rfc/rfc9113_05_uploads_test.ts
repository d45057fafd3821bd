/** RFC 9113 §5.2: several uploads that share the windows and the time limits of one connection. */

import type { Handler } from "../../mod.ts";
import { assertEquals } from "../support/assert.ts";
import { pass, within } from "../support/deadline.ts";
import type { Http2Client } from "../support/http2_client.ts";
import { withHttp2Tcp } from "../support/http2_tcp.ts";

/** Reads its body at once, or for `/hoard` when the gate is open, and says how long it was. */
function reading(gate: Promise<void>): Handler {
  return async (request, exchange) => {
    if (exchange.target === "/hoard") await gate;
    return new Response(`${(await request.bytes()).length}`);
  };
}

const limits = { streamTimeout: 300, minimumBodyRate: 1_000, minimumBodyRateGrace: 300 };
const smallWindows = { connectionWindowSize: 65_535, streamWindowSize: 65_535 };

function post(client: Http2Client, path: string): number {
  return client.request({ method: "POST", path, endStream: false });
}

Deno.test("a body is not late while the window of the connection forbids to send it (RFC 9113 §5.2.1)", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  await withHttp2Tcp(reading(gate), { ...limits, ...smallWindows }, async ({ connect }) => {
    const client = await connect();
    await client.acknowledged();
    const hoard = post(client, "/hoard");
    await client.upload(hoard, new Uint8Array(65_535), true);
    const late = post(client, "/read");
    await pass(1_000);
    await client.expectAlive();
    assertEquals(client.stream(late).over, false, client.describe());
    open();
    await client.upload(late, new Uint8Array(5_000));
    assertEquals((await client.response(hoard)).text, "65535");
    assertEquals((await client.response(late)).text, "5000");
  });
});

Deno.test("uploads that come one after the other are not late while they come (RFC 9110 §15.5.9)", async () => {
  await withHttp2Tcp(reading(Promise.resolve()), limits, async ({ connect }) => {
    const client = await connect();
    await client.acknowledged();
    const ids = Array.from({ length: 6 }, (_, index) => post(client, `/${index}`));
    for (const id of ids) {
      for (let part = 0; part < 4; part++) {
        await pass(60); // 100 kB/s, each upload longer than any limit behind the one before
        await client.upload(id, new Uint8Array(6_000), part === 3);
      }
    }
    for (const id of ids) assertEquals((await client.response(id)).text, "24000");
  });
});

Deno.test("uploads are late where all of them together are slower than minimumBodyRate for each (RFC 9110 §15.5.9)", async () => {
  await withHttp2Tcp(reading(Promise.resolve()), limits, async ({ connect }) => {
    const client = await connect();
    const ids = Array.from({ length: 10 }, (_, index) => post(client, `/${index}`));
    const [fast = 0, ...slow] = ids;
    for (let part = 0; part < 15; part++) {
      client.data(fast, new Uint8Array(200)); // 2 000 B/s, where ten uploads owe 10 000
      await pass(100);
    }
    client.data(fast, "", true);
    assertEquals((await client.response(fast)).text, "3000");
    for (const id of slow) assertEquals((await client.response(id)).status, 408);
  });
});

Deno.test("bytes that are read are given back to the connection, though half of its window is never read (RFC 9113 §6.9.1)", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  await withHttp2Tcp(reading(gate), smallWindows, async ({ connect }) => {
    const client = await connect();
    await client.acknowledged();
    const hoard = post(client, "/hoard");
    await client.upload(hoard, new Uint8Array(45_000), true);
    const id = post(client, "/read");
    await within("the upload", client.upload(id, new Uint8Array(200_000)));
    assertEquals((await client.response(id)).text, "200000");
    open();
    assertEquals((await client.response(hoard)).text, "45000");
  });
});
