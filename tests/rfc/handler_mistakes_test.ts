/** What a handler gets wrong never reaches the wire: framing, line breaks, hop-by-hop fields, and its failures. */

import type { Handler } from "../../mod.ts";
import { ClientDisconnectedError, Response as DroverResponse } from "../../mod.ts";
import { assert, assertEquals, assertLacks, assertOneOf, rejection } from "../support/assert.ts";
import { within } from "../support/deadline.ts";
import { field, hasConnectionOption, type RawResponse } from "../support/response_parser.ts";
import { withServer } from "../support/server.ts";

/** What became of one request to a handler, and of the one behind it. */
interface Outcome {
  readonly first: RawResponse;
  /** The answer to the request behind, where the connection went on. */
  readonly second: RawResponse | null;
  readonly received: string;
  readonly logged: number;
}

/** Sends two requests in one write; only the first one meets the handler under test. */
function outcome(handler: Handler, method = "GET"): Promise<Outcome> {
  const careful: Handler = (request, exchange) => {
    return exchange.target === "/behind" ? new Response("behind") : handler(request, exchange);
  };
  return withServer(careful, {}, async ({ connect, log }) => {
    const raw = connect();
    raw.offer(`${method} / HTTP/1.1\r\nHost: a\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n`);
    const first = await raw.tryResponse({ method });
    assert(first !== null, "the connection ended without a response");
    const over = !first.complete || hasConnectionOption(first, "close");
    if (over) await raw.expectEnd();
    const second = over ? null : await raw.tryResponse();
    if (second !== null) assertEquals(second.text, "behind");
    return { first, second, received: raw.received, logged: log.length };
  });
}

function stream(...pieces: readonly string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)));
}

const makers = [["web", Response], ["Drover", DroverResponse]] as const;

// Content-Length that contradicts the body (RFC 9110 §8.6)
for (const [made, Made] of makers) {
  for (
    const [name, body, length] of [
      ["a string is shorter", "hello", "10"],
      ["a string is longer", "hello world", "5"],
      ["a string is there at all", "hello", "0"],
      ["there is no body", null, "5"],
    ] as const
  ) {
    Deno.test(`Content-Length: ${length} of a ${made} Response when ${name} never desynchronizes (RFC 9110 §8.6)`, async () => {
      const { first } = await outcome(() => new Made(body, { headers: { "content-length": length } }));
      assertOneOf(first.status, [200, 500], "the status");
      if (first.status === 200 && first.complete) {
        const said = field(first.fields, "content-length");
        assert(said === undefined || said === `${first.body.length}`, `said ${said}`);
        assert(
          body === null || body.startsWith(first.text),
          "the body is what the handler gave, or its start",
        );
      }
    });
  }

  Deno.test(`a stream shorter than its Content-Length in a ${made} Response is cut, not completed (RFC 9112 §8)`, async () => {
    const { first, second } = await outcome(() =>
      new Made(stream("hel", "lo"), { headers: { "content-length": "10" } })
    );
    assertEquals(first.complete, false);
    assertEquals(first.text, "hello");
    assertEquals(second, null);
  });

  Deno.test(`a stream longer than its Content-Length in a ${made} Response sends no more than that (RFC 9110 §8.6)`, async () => {
    const { first } = await outcome(() =>
      new Made(stream("hello", " world"), { headers: { "content-length": "5" } })
    );
    assertEquals(field(first.fields, "content-length"), "5");
    assertOneOf(first.text, ["hello", ""], "the body");
  });

  for (const value of ["abc", "-1", "5.0", "0x5", "1e3", "5, 6", "5, 5", "", "99999999999999999999"]) {
    Deno.test(`Content-Length: "${value}" in a ${made} Response never reaches the wire (RFC 9110 §8.6)`, async () => {
      const { first, received } = await outcome(() =>
        new Made("hello", { headers: { "content-length": value } })
      );
      assertOneOf(first.status, [200, 500], "the status");
      assertLacks(received.toLowerCase(), `content-length: ${value}\r\n`, "the response");
      if (first.status === 200) assertEquals(first.text, "hello");
    });
  }

  // Fields that are the server's (RFC 9112 §6.1, RFC 9110 §7.6.1)
  for (
    const [name, value] of [
      ["transfer-encoding", "chunked"],
      ["transfer-encoding", "gzip"],
      ["transfer-encoding", "identity"],
      ["connection", "x-foo"],
      ["connection", "upgrade"],
      ["upgrade", "h2c"],
      ["keep-alive", "timeout=100000"],
      ["proxy-connection", "keep-alive"],
      ["trailer", "x-checksum"],
      ["te", "trailers"],
    ] as const
  ) {
    Deno.test(`${name}: ${value} in a ${made} Response never reaches the wire (RFC 9110 §7.6.1)`, async () => {
      const { first, second, received } = await outcome(() =>
        new Made("hello", { headers: { [name]: value } })
      );
      assertOneOf(first.status, [200, 500], "the status");
      if (first.status === 200) assertEquals(first.text, "hello");
      if (first.status === 200) assert(second !== null, "the connection went on");
      if (name !== "te" && value !== "chunked") {
        assertLacks(received.toLowerCase(), `${name}: ${value}\r\n`, "the response");
      }
    });
  }

  Deno.test(`Transfer-Encoding beside Content-Length in a ${made} Response leaves one framing (RFC 9112 §6.2)`, async () => {
    const headers = { "transfer-encoding": "chunked", "content-length": "3" };
    const { first } = await outcome(() => new Made("hello", { headers }));
    assertOneOf(first.status, [200, 500], "the status");
  });

  Deno.test(`close in a ${made} Response is obeyed, with or without a body (RFC 9112 §9.6)`, async () => {
    for (const value of ["close", "Close", "keep-alive, close", "x-foo, close"]) {
      const { second } = await outcome(() => new Made("hello", { headers: { connection: value } }));
      assertEquals(second, null, value);
    }
  });
}

// Response splitting (RFC 9112 §11.1)
const splitters: Readonly<Record<string, () => Response>> = {
  "CRLF in a value": () => new DroverResponse("x", { headers: { "x-a": "b\r\nX-Evil: 1" } }),
  "LF in a value": () => new DroverResponse("x", { headers: { "x-a": "b\nX-Evil: 1" } }),
  "CR in a value": () => new DroverResponse("x", { headers: { "x-a": "b\rX-Evil: 1" } }),
  "NUL in a value": () => new DroverResponse("x", { headers: { "x-a": "b\0X-Evil" } }),
  "CRLF in a value of a list of pairs": () =>
    new DroverResponse("x", { headers: [["x-a", "b\r\nX-Evil: 1"]] }),
  "CRLF in a name": () => new DroverResponse("x", { headers: { "x-a: b\r\nX-Evil": "1" } }),
  "a colon in a name": () => new DroverResponse("x", { headers: { "x-evil:1": "1" } }),
  "a space in a name": () => new DroverResponse("x", { headers: { "x evil": "1" } }),
  "an empty name": () => new DroverResponse("x", { headers: [["", "X-Evil"]] }),
  "CRLF in the reason": () => new DroverResponse("x", { statusText: "OK\r\nX-Evil: 1" }),
  "LF in the reason": () => new DroverResponse("x", { statusText: "OK\nX-Evil: 1" }),
  "NUL in the reason": () => new DroverResponse("x", { statusText: "X-Evil\0" }),
  "a character beyond U+00FF in a value": () =>
    new DroverResponse("x", { headers: { "x-a": "\u010a\u010dX-Evil: 1" } }),
  "a character beyond U+00FF in the reason": () =>
    new DroverResponse("x", { statusText: "\u010a\u010dX-Evil: 1" }),
  "CRLF set in headers afterwards": () => {
    const response = new DroverResponse("x");
    response.headers.set("x-a", "b\r\nX-Evil: 1");
    return response;
  },
  "CRLF in a web Response's value": () => new Response("x", { headers: { "x-a": "b\r\nX-Evil: 1" } }),
  "CRLF in a redirect": () => DroverResponse.redirect("http://a/\r\nX-Evil: 1"),
};

for (const [name, make] of Object.entries(splitters)) {
  Deno.test(`${name} never splits a response (RFC 9112 §11.1)`, async () => {
    const { first, received } = await outcome(() => make());
    assertOneOf(first.status, name === "CRLF in a redirect" ? [302, 500] : [500], "the status");
    assert(!/(^|[\r\n\0\v\f])x[- ]evil/im.test(received), `got ${JSON.stringify(received)}`);
    assertLacks(received.toLowerCase(), "x-evil: 1\r\n", "the response");
  });
}

for (const code of [1, 8, 0x0b, 0x0c, 0x1f, 0x7f]) {
  Deno.test(`the byte 0x${code.toString(16)} in a value never reaches the wire (RFC 9110 §5.5)`, async () => {
    for (const [, Made] of makers) {
      const value = `b${String.fromCharCode(code)}c`;
      const { first, received } = await outcome(() => new Made("x", { headers: { "x-a": value } }));
      assertOneOf(first.status, [200, 500], "the status");
      assertLacks(received, value, "the response");
    }
  });
}

Deno.test("CR, LF and NUL given to inform() and setTrailers() never reach the wire (RFC 9112 §11.1)", async () => {
  for (const value of ["b\r\nX-Evil: 1", "b\nX-Evil: 1", "b\0X-Evil"]) {
    for (const how of ["inform", "setTrailers", "late trailers"]) {
      const { received } = await outcome((_, exchange) => {
        if (how === "inform") exchange.inform(103, [["x-a", value]]);
        else exchange.setTrailers(how === "setTrailers" ? [["x-a", value]] : () => [["x-a", value]]);
        return new Response("x");
      });
      assertLacks(received, "X-Evil", `the response after ${how}`);
    }
  }
});

// Failures ahead of the head
const failures: Record<string, Handler> = {
  "throws an Error": () => {
    throw new Error("secret");
  },
  "throws a TypeError later": async () => {
    await Promise.resolve();
    throw new TypeError("secret");
  },
  "throws a string": () => {
    throw "secret";
  },
  "throws undefined": () => {
    throw undefined;
  },
  "throws null": () => Promise.reject(null),
  "throws an object with a status": () => Promise.reject({ status: 200, message: "secret" }),
  "returns undefined": () => JSON.parse("{}").none,
  "returns null": () => JSON.parse("null"),
  "returns a string": () => JSON.parse('"secret"'),
  "returns an object that looks like a Response": () =>
    JSON.parse('{ "status": 200, "headers": {}, "body": "secret" }'),
  "returns a promise of undefined": () => Promise.resolve(JSON.parse("{}").none),
  "returns Response.error()": () => Response.error(),
  "returns a Response whose body is being read": () => {
    const response = new Response("secret");
    response.body?.getReader();
    return response;
  },
  "makes a Response of an invalid status": () => new Response("secret", { status: 99 }),
  "makes a 204 with a body": () => new DroverResponse("secret", { status: 204 }),
};

const BODY = "secret=1";
const reads = ["text", "bytes", "arrayBuffer", "blob", "formData", "json"] as const;
for (const [made, Made] of makers) {
  for (const read of reads) {
    failures[`returns a ${made} Response that was read by ${read}()`] = async () => {
      const type = { "content-type": "application/x-www-form-urlencoded" };
      const response = new Made(read === "json" ? '"secret"' : BODY, { headers: type });
      await response[read]();
      return response;
    };
  }
}

for (const [name, handler] of Object.entries(failures)) {
  Deno.test(`a handler that ${name} is answered 500 without detail (RFC 9110 §15.6.1)`, async () => {
    const { first, received } = await outcome(handler);
    assertEquals(first.status, 500);
    for (const part of ["secret", ".ts:", "at file:", "TypeError"]) {
      assertLacks(received, part, "the response");
    }
  });
}

Deno.test("a handler's failure is logged (RFC 9110 §15.6.1)", async () => {
  const { logged } = await outcome(() => {
    throw new Error("a bug");
  });
  assert(logged > 0, "nothing was logged");
});

// Failures after the head: the response must look incomplete (RFC 9112 §8)
for (const length of [undefined, "100"]) {
  const how = length === undefined ? "chunks" : "a length";
  const headers: Record<string, string> = length === undefined ? {} : { "content-length": length };

  Deno.test(`a stream that fails after its head leaves a response with ${how} incomplete (RFC 9112 §8)`, async () => {
    let pulled = 0;
    const { promise, resolve } = Promise.withResolvers<Error>();
    const { first, second, received } = await outcome((_, exchange) => {
      resolve(rejection(exchange.completed, "exchange.completed"));
      const body = new ReadableStream({
        async pull(controller) {
          if (pulled++ === 0) return controller.enqueue(new TextEncoder().encode("abc"));
          await Promise.resolve();
          controller.error(new Error("secret"));
        },
      });
      return new Response(body, { headers });
    });
    assertOneOf(first.status, [200, 500], "the status");
    if (first.status === 200) assertEquals(first.complete, false);
    if (first.status === 200) assertEquals(second, null);
    assertLacks(received, "secret", "the response");
    assertEquals((await within("the rejection", promise)).message, "secret");
  });

  Deno.test(`a stream that gives something other than bytes leaves a response with ${how} incomplete (RFC 9112 §8)`, async () => {
    const { first } = await outcome(() => {
      const pieces = [new TextEncoder().encode("abc"), 42];
      return new Response(ReadableStream.from(pieces) as ReadableStream<Uint8Array>, { headers });
    });
    assertOneOf(first.status, [200, 500], "the status");
    if (first.status === 200) assertEquals(first.complete, false);
  });
}

Deno.test("a trailer function that throws leaves the response incomplete (RFC 9112 §8)", async () => {
  const { first, received } = await outcome((_, exchange) => {
    exchange.setTrailers(() => Promise.reject(new Error("secret")));
    return new Response("x");
  });
  assertEquals(first.complete, false);
  assertLacks(received, "secret", "the response");
});

Deno.test("a handler that fails on one connection leaves the others alone (RFC 9110 §15.6.1)", async () => {
  const handler: Handler = (_, exchange) => {
    if (exchange.target === "/bad") throw new Error("a bug");
    return new Response("good");
  };
  await withServer(handler, {}, async ({ connect }) => {
    const [bad, good] = [connect(), connect()];
    for (let turn = 0; turn < 5; turn++) {
      assertEquals((await bad.request("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n")).status, 500);
      assertEquals((await good.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).text, "good");
    }
  });
});

Deno.test("a body that is read after the response was sent is an error, not a part of it (RFC 9112 §8)", async () => {
  const late = Promise.withResolvers<unknown>();
  const handler: Handler = (request, exchange) => {
    exchange.client.onClose(() => request.text().then(late.resolve, late.resolve));
    return new Response("early");
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nab");
    assertEquals((await raw.readResponse()).text, "early");
    await raw.close();
    assert(await late.promise instanceof ClientDisconnectedError, `${await late.promise}`);
  });
});

Deno.test("a malformed body under an echo is answered once, also by a renderError that takes its time (RFC 9112 §7.1)", async () => {
  const renderError = async (): Promise<Response> => {
    for (let turn = 0; turn < 20; turn++) await null;
    return new Response("fault", { status: 400 });
  };
  await withServer((request) => new Response(request.body), { renderError }, async ({ connect }) => {
    const raw = connect();
    await raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (raw.client.pendingResponseCount === 0) await null;
    await raw.send("x\r\n");
    const response = await raw.readResponse();
    assertEquals([response.status, response.text], [400, "fault"]);
    assertEquals(await raw.readToEnd(), "");
  });
});
