/** Responses that work elsewhere and not here: what the error says to do instead. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { Hono } from "hono";
import { upgradeWebSocket as honoUpgrade } from "hono/deno";
import type { Handler } from "../../mod.ts";
import { within } from "../support/deadline.ts";
import { withHttp2 } from "../support/http2_client.ts";
import { withServer } from "../support/server.ts";

const HANDSHAKE = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** What is logged of a handler whose request is answered 500. */
async function logged(handler: Handler, bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"): Promise<string> {
  return await withServer(handler, {}, async ({ connect, log }) => {
    const { status } = await connect().request(bytes);
    assertEquals([status, log.length], [500, 1]);
    return String(log[0]?.[0]);
  });
}

const IMPORT = 'import { upgradeWebSocket } from "@drover/http/websocket"';

Deno.test("Deno.upgradeWebSocket() fails with what to import instead", async () => {
  const sentence = await logged((request) => Deno.upgradeWebSocket(request).response, HANDSHAKE);
  assertStringIncludes(sentence, "Deno.upgradeWebSocket()");
  assertStringIncludes(sentence, IMPORT);
});

Deno.test("a framework's helper that calls it fails with what to import instead", async () => {
  const app = new Hono();
  app.get("/", honoUpgrade(() => ({})));
  const sentence = await logged((request) => app.fetch(request), HANDSHAKE);
  assertStringIncludes(sentence, IMPORT);
  assertStringIncludes(sentence, "honoWebSocket");
});

const ERROR =
  "A handler answered Response.error(), which is no response but the network error of a fetch() that has failed: " +
  "throw an HttpError, or return a Response with a status";

Deno.test("Response.error() has a sentence of its own (Fetch §5.5)", async () => {
  assertStringIncludes(await logged(() => Response.error()), ERROR);
});

Deno.test("Response.error() has the same sentence over HTTP/2 (Fetch §5.5)", async () => {
  await withHttp2(() => Response.error(), {}, async ({ connect, log }) => {
    const client = connect();
    const { status } = await within("the answer", client.response(client.request()));
    assertEquals([status, log.length], [500, 1]);
    assertStringIncludes(String(log[0]?.[0]), ERROR);
  });
});
