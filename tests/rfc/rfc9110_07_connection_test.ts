/** RFC 9110 §7.6.1 and §7.8: Connection and Upgrade. */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { field, hasConnectionOption } from "../support/response_parser.ts";
import { withServer } from "../support/server.ts";

const hello: Handler = async (request) => new Response(`hello ${await request.text()}`);

const upgrades = [
  ["an unknown protocol", "Connection: Upgrade\r\nUpgrade: foo/2\r\n"],
  ["several unknown protocols", "Connection: upgrade\r\nUpgrade: foo/2, bar, baz/1.0\r\n"],
  [
    "h2c, which is off by default",
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
  ],
  ["TLS", "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n"],
  ["HTTP/2.0", "Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n"],
  [
    "WebSocket, which the handler does not take",
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
  ],
  ["nothing", "Connection: Upgrade\r\n"],
  ["an empty list", "Connection: Upgrade\r\nUpgrade:\r\n"],
  ["a protocol without the connection option", "Upgrade: h2c\r\n"],
] as const;

for (const [name, lines] of upgrades) {
  for (const step of [undefined, 1]) {
    const how = step === undefined ? "whole" : "byte by byte";
    Deno.test(`an offer to upgrade to ${name} is ignored, ${how} (RFC 9110 §7.8)`, async () => {
      await withServer(hello, {}, async ({ connect }) => {
        const raw = connect(step === undefined ? {} : { step });
        raw.offer(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n`);
        const response = await raw.readResponse();
        assertEquals(response.status, 200);
        assertEquals(response.text, "hello ");
        assertEquals((await raw.readResponse()).status, 200);
      });
    });
  }
}

Deno.test("an offer to upgrade with a body leaves the body where it belongs (RFC 9110 §7.8)", async () => {
  await withServer(hello, {}, async ({ connect }) => {
    const raw = connect();
    const lines = "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n";
    raw.offer(`POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\nworldGET /behind HTTP/1.1\r\nHost: a\r\n\r\n`);
    assertEquals((await raw.readResponse()).text, "hello world");
    assertEquals((await raw.readResponse()).text, "hello ");
  });
});

Deno.test("Upgrade in HTTP/1.0 is ignored (RFC 9110 §7.8)", async () => {
  for (const protocol of ["websocket", "h2c", "foo"]) {
    await withServer(hello, { http2Upgrade: true }, async ({ connect }) => {
      const raw = connect();
      const lines =
        `Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAMAAABk\r\n`;
      await raw.send(`GET / HTTP/1.0\r\n${lines}\r\n`);
      assertEquals((await raw.readResponse({ version: "HTTP/1.0" })).status, 200);
      await raw.expectEnd();
    });
  }
});

Deno.test("the server names no connection option but its own (RFC 9110 §7.6.1)", async () => {
  const headers = {
    connection: "x-secret, upgrade",
    "x-secret": "1",
    upgrade: "foo",
    "keep-alive": "timeout=99999",
  };
  await withServer(() => new Response("x", { headers }), {}, async ({ connect }) => {
    const raw = connect();
    const response = await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals([response.status, response.text], [200, "x"]);
    assert(!hasConnectionOption(response, "x-secret"), "the handler's option is on the wire");
    assert(!hasConnectionOption(response, "upgrade"), "the handler's upgrade is on the wire");
    assertEquals(field(response.fields, "upgrade"), undefined);
    assert(
      field(response.fields, "keep-alive") !== "timeout=99999",
      "the handler's Keep-Alive is on the wire",
    );
    await raw.expectOpen();
  });
});

Deno.test("fields that the client names in Connection are still seen by the handler (RFC 9110 §7.6.1)", async () => {
  const handler: Handler = (request) => new Response(request.headers.get("x-hop"));
  await withServer(handler, {}, async ({ connect }) => {
    const bytes = "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Hop\r\nX-Hop: seen\r\n\r\n";
    assertEquals((await connect().request(bytes)).text, "seen");
  });
});

Deno.test("a client cannot drop Host or framing by naming them in Connection (RFC 9110 §7.6.1)", async () => {
  await withServer(hello, {}, async ({ connect }) => {
    const raw = connect();
    const lines = "Connection: Host, Content-Length, Transfer-Encoding\r\nContent-Length: 5\r\n";
    raw.offer(`POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\nworldGET /behind HTTP/1.1\r\nHost: a\r\n\r\n`);
    assertEquals((await raw.readResponse()).text, "hello world");
    assertEquals((await raw.readResponse()).text, "hello ");
  });
});

Deno.test("exchange.upgrade() is refused where no upgrade was asked for (RFC 9110 §7.8)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.upgrade(() => {});
    return new Response("never");
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    const response = await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals(response.status, 500);
    assert(!raw.received.includes("101"), "a 101 was sent");
  });
});
