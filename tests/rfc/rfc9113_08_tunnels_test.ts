/** RFC 9113 §8.5: the signal that the handler of a tunnel is given. */

import type { Handler, UpgradedConnection } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { until, within } from "../support/deadline.ts";
import { type Fields, type Http2Client, Settings, withHttp2 } from "../support/http2_client.ts";
import { withHttp2Tcp } from "../support/http2_tcp.ts";
import type { ServerOptions } from "../support/server.ts";
import { everyMethod } from "../support/server.ts";

const plain: Fields = [[":method", "CONNECT"], [":authority", "example.com:443"]];
const options: ServerOptions = { allowedMethods: everyMethod };

for (
  const [how, end] of [
    ["by RST_STREAM of the client", (client: Http2Client, id: number) => client.reset(id)],
    ["by its handler", (_client: Http2Client, _id: number, tunnel: UpgradedConnection) => tunnel.close()],
  ] as const
) {
  Deno.test(`the signal of a tunnel that was ended ${how} is released, and that of another aborts at stop() (RFC 9113 §8.5)`, async () => {
    const tunnels: UpgradedConnection[] = [];
    const handler: Handler = (_, exchange) => exchange.upgrade((tunnel) => void tunnels.push(tunnel));
    await withHttp2Tcp(handler, options, async ({ connect, server }) => {
      const client = await connect();
      for (const id of [1, 3]) client.headers(id, plain, { endStream: false });
      for (const id of [1, 3]) await client.head(id);
      await until("both tunnels", () => tunnels.length === 2);
      const [ended, open] = tunnels;
      assert(ended !== undefined && open !== undefined, "there are two tunnels");
      end(client, 1, ended);
      await client.sync();
      const stopped = server.stop(1_000);
      await until("the stop to be told", () => open.signal.aborted);
      assertEquals(ended.signal.aborted, false);
      open.close();
      await client.closed();
      await client.close();
      await within("stop()", stopped);
    });
  });
}

Deno.test("the signal of a tunnel that begins behind stop() is aborted (RFC 9113 §8.5)", async () => {
  const gate = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<boolean>();
  const handler: Handler = async (_, exchange) => {
    await gate.promise;
    return exchange.upgrade((tunnel) => {
      aborted.resolve(tunnel.signal.aborted);
      tunnel.close();
    });
  };
  await withHttp2Tcp(handler, options, async ({ connect, server }) => {
    const client = await connect();
    client.headers(1, plain, { endStream: false });
    await client.sync();
    const stopped = server.stop(1_000);
    await client.goneAway();
    gate.resolve();
    assertEquals(await within("the tunnel", aborted.promise), true);
    await client.closed();
    await client.close();
    await within("stop()", stopped);
  });
});

Deno.test("the window of a tunnel is filled again although its handler has ended its side (RFC 9113 §5.2.1, §8.5)", async () => {
  const received = Promise.withResolvers<number>();
  const handler: Handler = (_, exchange) =>
    exchange.upgrade(async (tunnel) => {
      await tunnel.closeWrite();
      let size = 0;
      for await (const chunk of tunnel.readable) size += chunk.length;
      received.resolve(size);
    });
  await withHttp2Tcp(handler, options, async ({ connect }) => {
    const client = await connect();
    client.headers(1, plain, { endStream: false });
    await client.response(1);
    await within("the upload", client.upload(1, new Uint8Array(1_000_000)));
    assertEquals(await within("all of it", received.promise), 1_000_000);
  });
});

Deno.test("a CONNECT whose handler answers 403 after all has the time limits of a response (RFC 9113 §8.5, §10.5)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.upgrade(() => {});
    return new Response("x".repeat(100_000), { status: 403 });
  };
  await withHttp2(handler, { ...options, streamTimeout: 200 }, async ({ connect }) => {
    const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    client.headers(1, plain, { endStream: false });
    assertEquals((await client.head(1)).status, 403);
    await client.resetCode(1);
  });
});
