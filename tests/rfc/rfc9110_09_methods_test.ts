/** RFC 9110 §9: methods; HEAD, OPTIONS, and methods that are not allowed or not known. */

import type { Handler } from "../../mod.ts";
import { Response as DroverResponse } from "../../mod.ts";
import { assert, assertEquals, assertLacks } from "../support/assert.ts";
import { within } from "../support/deadline.ts";
import { withHttp2 } from "../support/http2_client.ts";
import { field, hasConnectionOption, type RawResponse } from "../support/response_parser.ts";
import { type ServerOptions, withServer } from "../support/server.ts";
import { Recorder } from "../support/vectors.ts";

function ask(method: string, options: ServerOptions = {}): Promise<RawResponse & { handled: number }> {
  const recorder = new Recorder();
  return withServer(recorder.handler, options, async ({ connect }) => {
    const response = await connect().request(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    return { ...response, handled: recorder.seen.length };
  });
}

// §9.1: the method token is case-sensitive
for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
  Deno.test(`${method} is allowed by default and keeps its name (RFC 9110 §9.1)`, async () => {
    const recorder = new Recorder();
    await withServer(recorder.handler, {}, async ({ connect }) => {
      assertEquals((await connect().request(`${method} /x HTTP/1.1\r\nHost: a\r\n\r\n`)).status, 200);
      assertEquals(recorder.seen.map((seen) => seen.method), [method]);
    });
  });
}

for (const method of ["PROPFIND", "PURGE", "QUERY", "M-SEARCH", "get", "Get", "GETS", "foo"]) {
  Deno.test(`${method} reaches the handler in its case, over both versions (RFC 9110 §9.1)`, async () => {
    const recorder = new Recorder();
    await withServer(recorder.handler, {}, async ({ connect }) => {
      assertEquals((await connect().request(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)).status, 200);
    });
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect();
      assertEquals((await client.response(client.request({ method }))).status, 200);
    });
    assertEquals(recorder.seen.map((seen) => seen.method), [method, method]);
  });

  Deno.test(`${method} is answered 501 by a server whose list of methods lacks it (RFC 9110 §9.1)`, async () => {
    const { status, handled } = await ask(method, { allowedMethods: ["GET", "HEAD"] });
    assertEquals({ status, handled }, { status: 501, handled: 0 });
  });
}

for (const [method, target] of [["TRACE", "/"], ["CONNECT", "a:80"]] as const) {
  Deno.test(`${method} is answered 405 with Allow, unless it is listed (RFC 9110 §9.3, §15.5.6)`, async () => {
    for (const allowedMethods of [null, ["GET", method]]) {
      const recorder = new Recorder();
      const handler: Handler = (...all) => (recorder.handler(...all), new Response("no", { status: 403 }));
      await withServer(handler, { allowedMethods }, async ({ connect }) => {
        const response = await connect().request(
          `${method} ${target} HTTP/1.1\r\nHost: ${target.replace("/", "a")}\r\n\r\n`,
        );
        assertEquals(response.status, allowedMethods === null ? 405 : 403);
        assertEquals(recorder.seen.length, allowedMethods === null ? 0 : 1);
        if (allowedMethods !== null) return;
        const allow = (field(response.fields, "allow") ?? "").split(", ");
        assertEquals([allow.includes("GET"), allow.includes("PATCH"), allow.includes(method)], [
          true,
          true,
          false,
        ]);
      });
    }
  });
}

Deno.test("OPTIONS * names methods in Allow, and no asterisk, where no list is given (RFC 9110 §9.3.7, §10.2.1)", async () => {
  const response = await withServer(
    () => new Response(),
    {},
    ({ connect }) => connect().request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
  );
  assertEquals([response.status, field(response.fields, "allow")], [
    204,
    "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
  ]);
});

// §15.5.6: 405 MUST have Allow
for (const method of ["TRACE", "POST", "DELETE", "OPTIONS", "PATCH"]) {
  Deno.test(`${method}, known but not allowed, is answered 405 with Allow (RFC 9110 §15.5.6)`, async () => {
    const response = await ask(method, { allowedMethods: ["GET", "HEAD", "PUT"] });
    assertEquals({ status: response.status, handled: response.handled }, { status: 405, handled: 0 });
    assertEquals((field(response.fields, "allow") ?? "").split(/, */).sort(), ["GET", "HEAD", "PUT"]);
  });
}

Deno.test("a method of one's own may be allowed (RFC 9110 §9.1)", async () => {
  const options = { allowedMethods: ["GET", "FROB"] };
  assertEquals((await ask("FROB", options)).status, 200);
  assertEquals((await ask("FROBS", options)).status, 501);
  assertEquals((await ask("POST", options)).status, 405);
});

Deno.test("TRACE never reflects the request (RFC 9110 §9.3.8)", async () => {
  await withServer(() => new Response("x"), {}, async ({ connect }) => {
    const raw = connect();
    const response = await raw.request("TRACE / HTTP/1.1\r\nHost: a\r\nCookie: secret=1\r\n\r\n");
    assertEquals(response.status, 405);
    assertLacks(raw.received, "secret=1", "the response");
  });
});

Deno.test("TRACE reaches the handler where it is listed (RFC 9110 §9.3.8)", async () => {
  const { status, handled } = await ask("TRACE", { allowedMethods: ["TRACE"] });
  assertEquals({ status, handled }, { status: 200, handled: 1 });
});

for (const [method, status] of [["TRACE", 405], ["FOO", 501]] as const) {
  Deno.test(`the body of a request answered ${status} is never a request (RFC 9112 §6)`, async () => {
    const recorder = new Recorder();
    await withServer(recorder.handler, { allowedMethods: ["GET"] }, async ({ connect }) => {
      const raw = connect();
      const body = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
      raw.offer(`${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      raw.offer("GET /behind HTTP/1.1\r\nHost: a\r\n\r\n");
      const first = await raw.readResponse();
      assertEquals(first.status, status);
      if (hasConnectionOption(first, "close")) return await raw.expectEnd();
      assertEquals((await raw.readResponse()).status, 200);
      assertEquals(recorder.seen.map(({ target }) => target), ["/behind"]);
    });
  });
}

// §9.3.2: HEAD
const bodies: Readonly<Record<string, () => Response>> = {
  "a string": () => new Response("hello"),
  "a Drover string": () => new DroverResponse("hello"),
  bytes: () => new Response(new Uint8Array(100_000)),
  "a stream": () => new Response(new Blob(["hello"]).stream()),
  "an endless stream": () =>
    new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1000)) })),
  "no body": () => new Response(null),
  "a file's length without the file": () => new Response(null, { headers: { "content-length": "12345" } }),
  "204": () => new Response(null, { status: 204 }),
  "an error": () => new Response("not here", { status: 404 }),
};

for (const [name, make] of Object.entries(bodies)) {
  Deno.test(`HEAD of ${name} sends the head of GET and no content (RFC 9110 §9.3.2)`, async () => {
    await withServer(() => make(), {}, async ({ connect }) => {
      const raw = connect();
      const head = await raw.request("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals(head.body.length, 0);
      assertEquals(head.status, make().status);
      assertEquals(field(head.fields, "content-type") ?? null, make().headers.get("content-type"));
      const next = await raw.request("HEAD /again HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals(next.status, make().status);
      assert(raw.received.endsWith("\r\n\r\n"), "something came after the head");
    });
  });
}

for (const make of [bodies["a string"], bodies["a Drover string"], bodies.bytes]) {
  Deno.test(`HEAD of ${make?.name ?? ""} says the length that GET has (RFC 9110 §8.6)`, async () => {
    assert(make !== undefined, "a body");
    await withServer(() => make(), {}, async ({ connect }) => {
      const raw = connect();
      const head = await raw.request("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
      const get = await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      const length = field(head.fields, "content-length");
      assert(get.body.length > 0, "GET has a body");
      if (length !== undefined) assertEquals(length, `${get.body.length}`);
      assertEquals(field(head.fields, "content-type"), field(get.fields, "content-type"));
    });
  });
}

Deno.test("HEAD says the length that the handler knows (RFC 9110 §8.6)", async () => {
  const handler: Handler = () => new Response(null, { headers: { "content-length": "12345" } });
  await withServer(handler, {}, async ({ connect }) => {
    const head = await connect().request("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals(field(head.fields, "content-length"), "12345");
  });
});

Deno.test("HEAD cancels the stream that nobody will read (RFC 9110 §9.3.2)", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const handler: Handler = () => new Response(new ReadableStream({ cancel: () => resolve() }));
  await withServer(handler, {}, async ({ connect }) => {
    await connect().request("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    await within("the cancellation", promise);
  });
});

Deno.test("HEAD of a request the server itself refuses has no content either (RFC 9110 §9.3.2)", async () => {
  await withServer(() => new Response(), { targetSizeLimit: 10 }, async ({ connect }) => {
    const raw = connect();
    raw.offer("HEAD /long-long-long HTTP/1.1\r\nHost: a\r\n\r\n");
    const response = await raw.readResponse({ method: "HEAD" });
    assertEquals(response.status, 414);
    await raw.expectEnd();
  });
});

// §9.3.7: OPTIONS on a resource is the handler's; OPTIONS * the server's
Deno.test("OPTIONS of a path is the handler's (RFC 9110 §9.3.7)", async () => {
  const { status, handled } = await ask("OPTIONS");
  assertEquals({ status, handled }, { status: 200, handled: 1 });
});

Deno.test("OPTIONS * with a body leaves the next request intact (RFC 9110 §9.3.7)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(
      "OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /behind HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    const first = await raw.readResponse();
    assertEquals(first.status, 204);
    if (hasConnectionOption(first, "close")) return await raw.expectEnd();
    assertEquals((await raw.readResponse()).status, 200);
    assertEquals(recorder.seen.map(({ target }) => target), ["/behind"]);
  });
});
