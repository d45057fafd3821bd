/** An object that only passes for a `Response` never breaks a message: what is encoded is checked (RFC 9112 §11.1). */

import { type Handler, Response as DroverResponse } from "../../mod.ts";
import { assert, assertEquals, assertLacks, assertMatch } from "../support/assert.ts";
import { withHttp2 } from "../support/http2_client.ts";
import { everyMethod, withServer } from "../support/server.ts";

const injected = "1\r\nX-Injected: 1";

/** A response whose members of those names are given, whatever they are. */
function posing(members: Readonly<Record<string, unknown>>): Response {
  const response = new Response("content");
  for (const [name, value] of Object.entries(members)) Object.defineProperty(response, name, { value });
  return response;
}

/** Something with the one method of `Headers` that a server needs, and lines that no `Headers` has. */
function headersOf(...lines: readonly (readonly [name: unknown, value: unknown])[]): unknown {
  return {
    forEach(callback: (value: unknown, name: unknown) => void) {
      for (const [name, value] of lines) callback(value, name);
    },
  };
}

/** A value that is harmless when it is looked at, and not when it is used. */
function changing(harmless: string): unknown {
  let asked = 0;
  return { toString: () => asked++ === 0 ? harmless : injected };
}

/** A response whose status is another one each time that it is asked for. */
function wavering(): Response {
  let asked = 0;
  const get = () => asked++ === 0 ? 200 : `200 OK\r\nX-Injected: 1`;
  return Object.defineProperty(new Response("content"), "status", { get });
}

/** Bytes that lie about how many they are. */
class OddLength extends Uint8Array<ArrayBuffer> {
  // @ts-expect-error: a text is no number
  override get length(): unknown {
    return injected;
  }
}

/** What passes for a response and cannot be sent. */
const unfit: Readonly<Record<string, () => Response>> = {
  "a status with a line break": () => posing({ status: "200 OK\r\nX-Injected: 1" }),
  "a status that is a text": () => posing({ status: "200" }),
  "a status that is an object": () => posing({ status: changing("200") }),
  "a status of two digits": () => posing({ status: 99 }),
  "a status above 599": () => posing({ status: 600 }),
  "a status that is no integer": () => posing({ status: 200.5 }),
  "a status that is not a number": () => posing({ status: NaN }),
  "a status that is missing": () => posing({ status: undefined }),
  "a field name with a line break": () => posing({ headers: headersOf(["a: 1\r\nX-Injected", "1"]) }),
  "a field name with a colon": () => posing({ headers: headersOf([":status", "200"]) }),
  "an empty field name": () => posing({ headers: headersOf(["", "1"]) }),
  "a field name that is an object": () => posing({ headers: headersOf([changing("a"), "1"]) }),
  "a field value with a line break": () => posing({ headers: headersOf(["a", injected]) }),
  "a field value that is an object": () => posing({ headers: headersOf(["a", changing("1")]) }),
  "fields that are an array": () => posing({ headers: [["a", "1"]] }),
  "no fields": () => posing({ headers: null }),
  "a body that is an object with a length": () =>
    posing({ body: { length: injected }, headers: headersOf() }),
  "a body that is a number": () => posing({ body: 7, headers: headersOf() }),
  "a body whose length is a text": () => new DroverResponse(new OddLength(new ArrayBuffer(7))),
  "nothing but the prototype": () => Object.create(Response.prototype),
  "nothing but the prototype of Drover's": () => Object.create(DroverResponse.prototype),
};

for (const [name, make] of Object.entries(unfit)) {
  Deno.test(`a response with ${name} is answered 500 over HTTP/1 (RFC 9112 §11.1)`, async () => {
    await withServer(make, {}, async ({ connect, log }) => {
      const raw = connect();
      const response = await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals(response.status, 500);
      assertLacks(raw.received, "X-Injected", "what was sent");
      await raw.expectClosedAfter(response);
      assertEquals(log.length, 1, "entries in the log");
    });
  });

  Deno.test(`a response with ${name} is answered 500 over HTTP/2 (RFC 9113 §8.2.1)`, async () => {
    const handler: Handler = (_, { target }) => target === "/good" ? new Response("good") : make();
    await withHttp2(handler, {}, async ({ connect, log }) => {
      const client = connect();
      assertEquals((await client.response(client.request())).status, 500);
      assertEquals((await client.response(client.request({ path: "/good" }))).text, "good");
      assertEquals(log.length, 1, "entries in the log");
    });
  });
}

Deno.test("a status is asked for once, and sent as it was then (RFC 9112 §4)", async () => {
  await withServer(wavering, {}, async ({ connect }) => {
    const raw = connect();
    assertEquals((await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).status, 200);
    assertLacks(raw.received, "X-Injected", "what was sent");
  });
  await withHttp2(wavering, {}, async ({ connect }) => {
    const client = connect();
    assertEquals((await client.response(client.request())).status, 200);
  });
});

Deno.test("a reason phrase that is none is replaced by the registered one (RFC 9112 §4)", async () => {
  for (const statusText of [`OK\r\nX-Injected: 1`, changing("Fine"), 7, null]) {
    await withServer(() => posing({ statusText, status: 203 }), {}, async ({ connect }) => {
      const raw = connect();
      const { status, reason } = await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals([status, reason], [203, "Non-Authoritative Information"]);
      assertLacks(raw.received, "X-Injected", "what was sent");
    });
  }
});

Deno.test("a foreign name in upper case is that of the field, and frames nothing (RFC 9110 §5.1)", async () => {
  const headers = headersOf(["X-Own", "1"], ["Content-Length", "7"], ["Transfer-Encoding", "chunked"]);
  await withServer(() => posing({ headers }), {}, async ({ connect }) => {
    const raw = connect();
    const { framing, text } = await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals([framing, text], ["length", "content"]);
    assertMatch(raw.received, /\r\nx-own: 1\r\n/, "what was sent");
    assertLacks(raw.received.toLowerCase(), "chunked", "what was sent");
    await raw.expectOpen();
  });
  await withHttp2(() => posing({ headers }), {}, async ({ connect }) => {
    const client = connect();
    const response = await client.response(client.request());
    assertEquals([response.text, response.field("x-own")], ["content", "1"]);
  });
});

for (const name of ["a status with a line break", "a field name with a line break", "a status above 599"]) {
  Deno.test(`a response with ${name} takes nothing over (RFC 9110 §9.3.6)`, async () => {
    const taken: unknown[] = [];
    const handler: Handler = (_, exchange) => {
      exchange.upgrade((connection) => void taken.push(connection));
      return Object.defineProperty(unfit[name]!(), "ok", { value: true });
    };
    await withServer(handler, { allowedMethods: everyMethod }, async ({ connect }) => {
      const raw = connect();
      const connecting = await raw.request("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
      assertEquals(connecting.status, 500);
      const upgrading = connect();
      const fields = "Host: a\r\nConnection: upgrade\r\nUpgrade: x";
      const response = await upgrading.request(`GET / HTTP/1.1\r\n${fields}\r\n\r\n`);
      assert(response.status === 500, `the status ${response.status}`);
      for (const { received } of [raw, upgrading]) assertLacks(received, "X-Injected", "what was sent");
    });
    assertEquals(taken, []);
  });
}

Deno.test("a status of an error makes no tunnel, whatever ok says (RFC 9110 §9.3.6)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.upgrade((connection) => connection.close());
    return posing({ ok: true, status: 404 });
  };
  await withServer(handler, { allowedMethods: everyMethod }, async ({ connect }) => {
    const { status } = await connect().request("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    assertEquals(status, 500);
  });
});

Deno.test("an upgrade names the first protocol that the client has named (RFC 9110 §7.8)", async () => {
  const handler: Handler = (_, exchange) => exchange.upgrade((connection) => connection.close());
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: , echo/1, other\r\n\r\n");
    assertMatch(
      await raw.readToEnd(),
      /^HTTP\/1\.1 101 .*\r\nconnection: upgrade\r\nupgrade: echo\/1\r\n/,
      "the head",
    );
  });
});
