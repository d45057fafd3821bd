/**
 * A handler's request that is passed on: to an upstream, to a copy, or to a response; over both versions of
 * HTTP.
 */

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { Handler } from "../../mod.ts";
import { LAZY_REQUEST_HOLDS } from "../../request.ts";
import { turns, within } from "../support/deadline.ts";
import { withServer, withTcpServer } from "../support/server.ts";

/** What an upstream was asked. */
interface Asked {
  readonly method: string;
  readonly length: string | null;
  readonly coding: string | null;
  readonly body: string;
}

/** Runs a test with an upstream, which notes what it is asked. */
async function withUpstream(run: (url: string, asked: readonly Asked[]) => Promise<void>): Promise<void> {
  const asked: Asked[] = [];
  const upstream = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { method, headers } = request;
    const body = await request.text();
    asked.push({
      method,
      length: headers.get("content-length"),
      coding: headers.get("transfer-encoding"),
      body,
    });
    return new Response("from upstream");
  });
  try {
    await run(`http://127.0.0.1:${upstream.addr.port}/up`, asked);
  } finally {
    await upstream.shutdown();
  }
}

const VERSIONS = { "HTTP/1.1": { http1: true, http2: false }, "HTTP/2": { http1: false, http2: true } };

/** Runs a test against a server on a port, whose one request is sent over a version of HTTP. */
async function send(
  version: keyof typeof VERSIONS,
  handler: Handler,
  init: RequestInit,
): Promise<{ status: number; text: string; errors: readonly string[] }> {
  const errors: string[] = [];
  const log = (error: unknown) => void errors.push(String(error));
  using client = Deno.createHttpClient(VERSIONS[version]);
  return await withTcpServer(handler, { log }, async ({ origin }) => {
    const answer = await within("the answer", fetch(`${origin}/a`, { ...init, client }));
    const text = await answer.text();
    await turns();
    return { status: answer.status, text, errors };
  });
}

type Forward = (request: Request, url: string) => Promise<Response>;

const WAYS: Readonly<Record<string, Forward>> = {
  "new Request(url, request)": (request, url) => fetch(new Request(url, request)),
  "fetch(url, request)": (request, url) => fetch(url, request),
  "fetch(url, { body: request.body })": ({ method, body }, url) => fetch(url, { method, body }),
  "new Request(new Request(url, request), { headers })": (request, url) =>
    fetch(new Request(new Request(url, request), { headers: { "x-a": "1" } })),
  "new Request(url, request.clone())": (request, url) => fetch(new Request(url, request.clone())),
  "new Request(url, new Request(request))": (request, url) => fetch(new Request(url, new Request(request))),
};

/**
 * What only the lazy request does. A platform whose inner workings have changed is given a real one, which
 * does the rest.
 */
const ofLazyRequest = { ignore: !LAZY_REQUEST_HOLDS };

for (const version of ["HTTP/1.1", "HTTP/2"] as const) {
  for (const [way, forward] of Object.entries(WAYS)) {
    Deno.test(
      `a body that has come is passed on with its length: ${way}, ${version}`,
      ofLazyRequest,
      async () => {
        await withUpstream(async (url, asked) => {
          const handler: Handler = async (request) => {
            await turns(); // over HTTP/2 the body comes in a frame of its own
            return await forward(request, url);
          };
          const { status, text, errors } = await send(version, handler, { method: "PUT", body: "hello" });
          assertEquals([status, text, errors], [200, "from upstream", []]);
          assertEquals(asked, [{ method: "PUT", length: "5", coding: null, body: "hello" }]);
        });
      },
    );

    Deno.test(`a request whose body was read is not passed on without it: ${way}, ${version}`, async () => {
      for (const read of ["text", "bytes", "blob", "formData"] as const) {
        await withUpstream(async (url, asked) => {
          const handler: Handler = async (request) => {
            await request[read]().catch(() => "none the less it was read");
            await assertRejects(async () => await forward(request, url), TypeError);
            return new Response("refused");
          };
          const { text, errors } = await send(version, handler, { method: "POST", body: "hello" });
          assertEquals([text, errors, asked], ["refused", [], []]);
        });
      }
    });
  }

  Deno.test(`a body that is still coming is passed on as it comes, ${version}`, async () => {
    await withUpstream(async (url, asked) => {
      const rest = Promise.withResolvers<void>();
      const body = ReadableStream.from((async function* () {
        yield new TextEncoder().encode("hel");
        await rest.promise;
        yield new TextEncoder().encode("lo");
      })());
      const handler: Handler = async (request) => {
        const answer = fetch(new Request(url, request));
        rest.resolve();
        return await answer;
      };
      const { text, errors } = await send(version, handler, { method: "POST", body });
      assertEquals([text, errors], ["from upstream", []]);
      assertEquals(asked, [{ method: "POST", length: null, coding: "chunked", body: "hello" }]);
    });
  });
}

Deno.test("headers that a handler changes are those that its request is passed on with", async () => {
  const seen: unknown[] = [];
  const handler: Handler = (request) => {
    request.headers.set("x-a", "2");
    const before = new Request("http://b/", request).headers.get("x-a");
    request.headers.append("x-a", "3");
    seen.push(
      before,
      new Request("http://b/", request).headers.get("x-a"),
      new Request(request).headers.get("x-a"),
    );
    return new Response();
  };
  await withServer(handler, {}, async ({ connect }) => {
    await connect().request("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n");
  });
  assertEquals(seen, ["2", "2, 3", "2, 3"]);
});

for (const method of ["TRACE", "GET"]) {
  const ignore = LAZY_REQUEST_HOLDS;
  Deno.test(
    `a real request stands in for a ${method} that the web refuses, and no upstream knows its method`,
    { ignore },
    async () => {
      const body = method === "GET" ? "hello" : "";
      await see(
        `${method} /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        async (request) => {
          const methods = [
            request.method,
            request.clone().clone().method,
            new Request(request.clone()).method,
          ];
          assertEquals(methods, [method, method, `X-${method}`]);
          assertEquals(await request.text(), body);
        },
      );
    },
  );
}

/** Runs `look` as a handler of one request. */
async function see(bytes: string, look: (request: Request) => void | Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  const handler = async (request: Request): Promise<Response> => {
    await look(request);
    return new Response();
  };
  const log = (error: unknown) => void errors.push(error);
  await withServer(handler, { log, allowedMethods: ["GET", "HEAD", "TRACE"] }, async ({ connect }) => {
    const [method = ""] = bytes.split(" ");
    const raw = connect();
    raw.offer(bytes);
    const { status } = await raw.readResponse({ method });
    assertEquals([status, errors], [200, []]);
  });
}

for (const method of ["GET", "HEAD"]) {
  const bytes = `${method} /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`;

  Deno.test(`a ${method} with a body keeps it, whatever looks at the request (RFC 9110 §9.3.1)`, async () => {
    await see(bytes, async (request) => {
      Deno.inspect(request);
      for (const name in request) Reflect.get(request, name);
      const clone = request.clone();
      assertEquals([request.cache, request.bodyUsed, request.method], ["default", false, method]);
      assertEquals([await request.text(), await clone.text(), clone.method], ["hello", "hello", method]);
      assertEquals(request.bodyUsed, true);
      await assertRejects(() => request.text(), TypeError);
    });
    await see(bytes, async ({ body }) => assertEquals(await new Response(body).text(), "hello"));
  });

  Deno.test(`a ${method} with a body is not passed on without it`, ofLazyRequest, async () => {
    const sentence = `fetch() and new Request() take no ${method} request with a body`;
    await see(bytes, async (request) => {
      assertThrows(() => new Request(request), TypeError, sentence);
      assertThrows(() => new Request("http://b/", request), TypeError);
      await assertRejects(() => fetch(request), TypeError, sentence);
      assertEquals(await request.text(), "hello");
      assertThrows(() => new Request(request), TypeError, sentence);
    });
  });
}

Deno.test("TRACE is read as any other request (RFC 9110 §9.3.8)", async () => {
  await see("TRACE /a HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n", async (request) => {
    assertEquals([request.method, request.cache, request.body, await request.text()], [
      "TRACE",
      "default",
      null,
      "",
    ]);
    assertEquals([request.clone().method, request.clone().headers.get("x-a")], ["TRACE", "1"]);
  });
});

Deno.test("TRACE is not passed on as another method (RFC 9110 §9.3.8)", ofLazyRequest, async () => {
  await see("TRACE /a HTTP/1.1\r\nHost: a\r\n\r\n", async (request) => {
    assertThrows(() => new Request(request), TypeError, "take no TRACE request");
    await assertRejects(() => fetch(request), TypeError, "take no TRACE request");
  });
});

const DELAYED = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";

Deno.test("a body that a response has taken cannot be read again", async () => {
  const outcome = Promise.withResolvers<unknown[]>();
  const handler: Handler = (request, { completed }) => {
    completed.then(async () => {
      const again = await request.text().catch((error) => error.name);
      outcome.resolve([request.bodyUsed, request.body?.locked, again]);
    }, outcome.reject);
    return new Response(request.body);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(DELAYED);
    await turns();
    raw.offer("hello");
    assertEquals((await raw.readResponse()).text, "hello");
    assertEquals(await within("the second reading", outcome.promise), [true, true, "TypeError"]);
  });
});

Deno.test("a copy is read while its original is, and a response takes one of both", async () => {
  const handler: Handler = async (request) => {
    const copy = request.clone();
    return new Response(`${await request.text()} ${await copy.text()}`);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(DELAYED);
    await turns();
    raw.offer("hello");
    assertEquals((await raw.readResponse()).text, "hello hello");
  });
});

Deno.test("a body that is too large says so in each way of reading, and in a copy (RFC 9110 §15.5.14)", async () => {
  const bytes = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  const ways: readonly ((request: Request) => Promise<unknown>)[] = [
    (request) => request.text(),
    (request) => request.blob(),
    (request) => request.clone().text(),
    (request) => new Request("http://b/", request).text(),
    (request) => new Request(request).text(),
    ({ body }) => new Response(body).text(),
  ];
  for (const read of ways) {
    const failed = Promise.withResolvers<unknown>();
    const handler: Handler = async (request) => {
      await read(request).then(failed.reject, (error) => failed.resolve([error.name, error.status]));
      return new Response();
    };
    await withServer(handler, { bodySizeLimit: 4 }, async ({ connect }) => {
      const raw = connect();
      raw.offer(bytes);
      assertEquals(await within("the reading", failed.promise), ["HttpError", 413]);
    });
  }
});

for (const [when, delayed] of [["has come", false], ["is still coming", true]] as const) {
  Deno.test(`a body that ${when} is read by a BYOB reader as by any other`, async () => {
    const read: unknown[] = [];
    const handler: Handler = async ({ body }) => {
      const reader = body!.getReader({ mode: "byob" });
      for (let view = new Uint8Array(3), done = false; !done;) {
        const result = await reader.read(view);
        read.push(new TextDecoder().decode(result.value));
        done = result.done;
        view = new Uint8Array(result.value!.buffer, 0, 3);
      }
      assertThrows(() => body!.getReader({ mode: "byob" }), TypeError, "locked");
      return new Response();
    };
    await withServer(handler, {}, async ({ connect }) => {
      const raw = connect();
      raw.offer(delayed ? DELAYED : `${DELAYED}hello`);
      await turns();
      if (delayed) raw.offer("hello");
      assertEquals((await raw.readResponse()).status, 200);
    });
    assertEquals(read, ["hel", "lo", ""]);
  });
}

Deno.test("several lines of cookies are one, as over HTTP/2 (RFC 6265 §5.4, RFC 9113 §8.2.3)", async () => {
  await see("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nX-A: 1\r\ncookie: b=2; c=3\r\n\r\n", (request) => {
    const joined = "a=1; b=2; c=3";
    assertEquals([request.headers.get("Cookie"), [...request.headers].at(0)], [joined, ["cookie", joined]]);
    assertEquals(request.headers.get("cookie"), joined);
    assertEquals(new Request(request).headers.get("cookie"), joined);
    assertStrictEquals(request.headers, request.headers);
  });
});

Deno.test("the lines of cookies are as they came in rawHeaders", async () => {
  const seen: unknown[] = [];
  const handler: Handler = (_request, { rawHeaders }) => {
    seen.push(...rawHeaders);
    return new Response();
  };
  await withServer(handler, {}, async ({ connect }) => {
    await connect().request("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\ncookie: b=2\r\n\r\n");
  });
  assertEquals(seen, [["Host", "a"], ["Cookie", "a=1"], ["cookie", "b=2"]]);
});
