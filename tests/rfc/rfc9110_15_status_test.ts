/** RFC 9110 §15: informational responses, and the responses that the server makes by itself. */

import { type Exchange, type Handler, HttpError } from "../../mod.ts";
import { assert, assertEquals, assertLacks, assertMatch, thrown } from "../support/assert.ts";
import { field } from "../support/response_parser.ts";
import { withServer } from "../support/server.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// §15.2: 1xx
Deno.test("inform() sends an interim response ahead of the final one (RFC 9110 §15.2)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.inform(103, { link: "</style.css>; rel=preload; as=style" });
    exchange.inform(102);
    return new Response("final");
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    const { interim, text } = await raw.request(get);
    assertEquals(interim.map(({ status }) => status), [103, 102]);
    assertEquals(field(interim[0]?.fields ?? [], "link"), "</style.css>; rel=preload; as=style");
    assertEquals(text, "final");
    await raw.expectOpen();
  });
});

Deno.test("inform() reaches the client before the handler is done (RFC 9110 §15.2)", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const handler: Handler = async (_, exchange) => {
    exchange.inform(103, { "x-early": "yes" });
    await gate;
    return new Response("final");
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(get);
    assertEquals((await raw.readHead()).status, 103);
    open();
    assertEquals((await raw.readResponse()).text, "final");
  });
});

Deno.test("inform() keeps its place in a pipeline (RFC 9112 §9.3.2)", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const handler: Handler = async (_, exchange) => {
    if (exchange.target === "/0") await gate;
    exchange.inform(103, { "x-for": exchange.target });
    return new Response(exchange.target);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer("GET /0 HTTP/1.1\r\nHost: a\r\n\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    open();
    for (const target of ["/0", "/1"]) {
      const { interim, text } = await raw.readResponse();
      assertEquals(text, target);
      assertEquals(interim.map(({ fields }) => field(fields, "x-for")), [target]);
    }
  });
});

Deno.test("inform() sends nothing to HTTP/1.0 (RFC 9110 §15.2)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.inform(103, { link: "</a>" });
    return new Response("final");
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send("GET / HTTP/1.0\r\n\r\n");
    const { interim, text } = await raw.readResponse({ version: "HTTP/1.0" });
    assertEquals([interim.length, text], [0, "final"]);
  });
});

Deno.test("inform() never frames a body (RFC 9110 §8.6)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.inform(103, {
      "content-length": "5",
      "transfer-encoding": "chunked",
      connection: "close",
      "x-a": "b",
    });
    return new Response("final");
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    const { interim, text } = await raw.request(get);
    assertEquals(text, "final");
    const fields = interim[0]?.fields ?? [];
    assertEquals(field(fields, "x-a"), "b");
    for (const name of ["content-length", "transfer-encoding", "connection"]) {
      assertEquals(field(fields, name), undefined, name);
    }
    await raw.expectOpen();
  });
});

Deno.test("inform() refuses what is no interim status (RFC 9110 §15.2)", async () => {
  const errors: string[] = [];
  const handler: Handler = (_, exchange) => {
    for (const status of [99, 101, 200, 404, 1.5, NaN]) {
      errors.push(thrown(() => exchange.inform(status), `inform(${status})`).name);
    }
    return new Response("final");
  };
  await withServer(handler, {}, async ({ connect }) => {
    const { interim, text } = await connect().request(get);
    assertEquals([interim.length, text], [0, "final"]);
    assertEquals(errors, Array(6).fill("RangeError"));
  });
});

Deno.test("inform() after the response has begun sends nothing (RFC 9110 §15.2)", async () => {
  const held: Exchange[] = [];
  const handler: Handler = (_, exchange) => {
    held.push(exchange);
    return new Response("final");
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    assertEquals((await raw.request(get)).text, "final");
    held[0]?.inform(103);
    const { interim } = await raw.request(get);
    assertEquals(interim, []);
  });
});

// §15.5 and §15.6: HttpError
for (const status of [400, 401, 403, 404, 409, 410, 415, 421, 422, 426, 429, 500, 501, 503, 504]) {
  Deno.test(`HttpError(${status}) is answered ${status}, and the connection goes on (RFC 9110 §15)`, async () => {
    const handler: Handler = (_, exchange) => {
      if (exchange.target === "/still-open") return new Response();
      throw new HttpError(status, "a message", { headers: { "x-a": "b" }, cause: new Error("secret") });
    };
    await withServer(handler, {}, async ({ connect }) => {
      const raw = connect();
      const response = await raw.request(get);
      assertEquals(response.status, status);
      assertEquals(field(response.fields, "x-a"), "b");
      assert(response.reason !== "", "the status has a reason phrase");
      assertLacks(raw.received, "secret", "the response");
      await raw.expectOpen();
    });
  });
}

Deno.test("HttpError from an async handler and from a promise are the same (RFC 9110 §15)", async () => {
  for (
    const handler of [
      () => Promise.reject(new HttpError(418)),
      async () => await Promise.reject(new HttpError(418)),
    ]
  ) {
    await withServer(handler, {}, async ({ connect }) => {
      assertEquals((await connect().request(get)).status, 418);
    });
  }
});

Deno.test("HttpError(401) can challenge (RFC 9110 §15.5.2)", async () => {
  const handler: Handler = () => {
    throw new HttpError(401, "Who?", { headers: { "www-authenticate": 'Basic realm="x"' } });
  };
  await withServer(handler, {}, async ({ connect }) => {
    assertEquals(field((await connect().request(get)).fields, "www-authenticate"), 'Basic realm="x"');
  });
});

Deno.test("the server's own errors are short text without a stack (RFC 9110 §15.5)", async () => {
  await withServer(() => new Response(), {}, async ({ connect }) => {
    const raw = connect();
    raw.offer("GET / HTTP/1.1\r\nHost: a\r\nX A: <script>alert(1)</script>\r\n\r\n");
    const response = await raw.readResponse();
    assertEquals(response.status, 400);
    assertMatch(field(response.fields, "content-type") ?? "", /^text\/plain/, "content-type");
    assertEquals(response.framing, "length");
    assert(response.body.length < 500, "the answer is long");
    for (const part of ["<script>", ".ts:", "at file:"]) assertLacks(raw.received, part, "the response");
  });
});

// "The server MUST send an Upgrade header field in a 426 response to indicate the required protocol(s)"
for (
  const [status, close, connection] of [[426, false, "upgrade"], [426, true, "close, upgrade"], [
    200,
    false,
    undefined,
  ]] as const
) {
  Deno.test(`${status} ${close ? "that closes " : ""}has ${connection ? "its" : "no"} Upgrade (RFC 9110 §15.5.22, §7.8)`, async () => {
    const headers = { upgrade: "HTTP/3.0", ...(close && { connection: "close" }) };
    await withServer(() => new Response(null, { status, headers }), {}, async ({ connect }) => {
      const { fields } = await connect().request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals(field(fields, "upgrade"), status === 426 ? "HTTP/3.0" : undefined);
      assertEquals(field(fields, "connection"), connection);
    });
  });
}
