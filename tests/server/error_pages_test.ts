/** onError gets what a handler threw, renderError what a client did wrong; what an error response has whatever its page is. */

import { type ErrorHandler, type ErrorRenderer, type Handler, HttpError } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { turns, until } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { withHttp2 } from "../support/http2_client.ts";
import { field, hasConnectionOption } from "../support/response_parser.ts";
import { type AcceptedClient, type ServerOptions, withServer, withTcpServer } from "../support/server.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const long = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

const reader: Handler = async (request) => new Response(await request.text());
const echo: Handler = (request) => new Response(request.body);

/** `onError` as programs for `Deno.serve` have it, and the errors that it was given. */
function usualOnError(): { onError: ErrorHandler; given: unknown[] } {
  const given: unknown[] = [];
  const onError: ErrorHandler = (error) => {
    given.push(error);
    return new Response("Internal", { status: 500 });
  };
  return { onError, given };
}

/** What a client does wrong over HTTP/1. */
interface Fault {
  readonly name: string;
  readonly status: number;
  readonly send: (raw: AcceptedClient) => Promise<void> | void;
  readonly handler?: Handler;
  readonly options?: ServerOptions;
  /** Whether the head could not be parsed. */
  readonly headless?: boolean;
  /** Whether the connection goes on. */
  readonly persists?: boolean;
}

const faults: readonly Fault[] = [
  { name: "bytes that are no HTTP", status: 400, send: (raw) => raw.offer("BAD\r\n\r\n"), headless: true },
  {
    name: "a target that is too long",
    status: 414,
    send: (raw) => raw.offer("GET /long HTTP/1.1\r\nHost: a\r\n\r\n"),
    options: { targetSizeLimit: 3 },
    headless: true,
  },
  {
    name: "a head that is too large",
    status: 431,
    send: (raw) => raw.offer(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(100)}\r\n\r\n`),
    options: { headerSizeLimit: 50 },
    headless: true,
  },
  {
    name: "TRACE",
    status: 405,
    send: (raw) => raw.offer("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"),
    persists: true,
  },
  {
    name: "a method that is not known",
    status: 501,
    send: (raw) => raw.offer("ODD / HTTP/1.1\r\nHost: a\r\n\r\n"),
    options: { allowedMethods: ["GET"] },
    persists: true,
  },
  {
    name: "a malformed chunk that came with the head",
    status: 400,
    send: (raw) => raw.offer(`${chunked}zz\r\n`),
    handler: reader,
  },
  {
    name: "a malformed chunk under a handler that reads",
    status: 400,
    send: async (raw) => {
      await raw.send(`${chunked}1\r\na\r\n`);
      await turns();
      raw.offer("zz\r\n");
    },
    handler: reader,
  },
  {
    name: "a malformed chunk under an echo",
    status: 400,
    send: async (raw) => {
      await raw.send(chunked);
      while (raw.client.pendingResponseCount === 0) await null; // before the head of the response is sent
      raw.offer("zz\r\n");
    },
    handler: echo,
  },
  {
    name: "a body that ends early",
    status: 400,
    send: async (raw) => {
      await raw.send(`${chunked}5\r\na`);
      await raw.end();
    },
    handler: reader,
  },
  {
    name: "a body that is too large for a reader",
    status: 413,
    send: (raw) => raw.offer(long),
    handler: reader,
    options: { bodySizeLimit: 4 },
  },
  {
    name: "a body that is too large for an echo",
    status: 413,
    send: (raw) => raw.offer(long),
    handler: echo,
    options: { bodySizeLimit: 4 },
  },
];

for (const { name, status, send, handler = reader, options, persists } of faults) {
  Deno.test(`${name} is answered ${status}, and no onError is asked (RFC 9110 §15.5)`, async () => {
    const { onError, given } = usualOnError();
    await withServer(handler, { ...options, onError }, async ({ connect, log }) => {
      const raw = connect();
      await send(raw);
      const response = await raw.readResponse();
      assertEquals([response.status, response.text.includes("Internal")], [status, false]);
      if (!persists) await raw.expectClosedAfter(response);
      assertEquals([given, log], [[], []]);
    });
  });
}

for (const { name, status, send, handler = reader, options, headless = false, persists } of faults) {
  Deno.test(`renderError renders ${name}; its status, Allow and Connection hold (RFC 9110 §15.5.6)`, async () => {
    const given: [status: number, request: boolean][] = [];
    const renderError: ErrorRenderer = async (error, request) => {
      await turns(2);
      given.push([error.status, request !== null]);
      const headers = { allow: "EVIL", connection: "keep-alive", "x-page": "mine", "content-length": "1" };
      return new Response("a page", { status: 299, headers });
    };
    await withServer(handler, { ...options, renderError }, async ({ connect, server }) => {
      const raw = connect();
      await send(raw);
      const response = await raw.readResponse();
      assertEquals([response.status, response.text], [status, "a page"]);
      assertEquals(field(response.fields, "x-page"), "mine");
      if (status === 405) assertEquals(field(response.fields, "allow")?.split(", ").includes("GET"), true);
      assertEquals(hasConnectionOption(response, "close"), persists !== true);
      assertEquals(given, [[status, !headless]]);
      assertEquals(server.stats.errors, 1);
    });
  });
}

Deno.test("a client that is too slow is answered 408 by renderError, not by onError (RFC 9110 §15.5.9)", async () => {
  const { onError, given } = usualOnError();
  const renderError: ErrorRenderer = ({ status }, request) => new Response(`${status} ${request === null}`);
  await withServer(reader, { onError, renderError, headerTimeout: 1_000 }, async ({ connect }) => {
    using time = new FakeTime();
    const raw = connect();
    raw.offer("GET / HT");
    await time.settle();
    await time.pass(1_500);
    const response = await raw.readResponse();
    assertEquals([response.status, response.text, given], [408, "408 true", []]);
  });
});

Deno.test("a body that is too large is answered 413 also where a handler passes it on by fetch (RFC 9110 §15.5.14)", async () => {
  const { onError, given } = usualOnError();
  const origin: Handler = async (request) => {
    await request.text().catch((error) => assert(error instanceof Error, "an error"));
    return new Response("whole");
  };
  await withTcpServer(origin, {}, async (upstream) => {
    const proxy: Handler = (request) => fetch(new Request(upstream.origin, request));
    await withTcpServer(proxy, { onError, bodySizeLimit: 4 }, async ({ connect }) => {
      const response = await (await connect()).request(long);
      assertEquals([response.status, given], [413, []]);
    });
  });
});

Deno.test("a handler that passes on that its client has left asks neither, logs nothing, and counts as no error", async () => {
  const { onError, given } = usualOnError();
  const renderError: ErrorRenderer = (error) => (given.push(error), new Response());
  const waits: Handler = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  await withServer(waits, { onError, renderError }, async ({ connect, server, log }) => {
    const raw = connect();
    await raw.send(get);
    await raw.end();
    assertEquals((await raw.readResponse()).status, 400);
    const other = connect();
    await other.send(get);
    await turns();
    await other.close();
    await until("the end of the handlers", () => server.stats.runningHandlers === 0);
    assertEquals([given, log, server.stats.errors], [[], [], 0]);
  });
});

// HTTP/2

Deno.test("over HTTP/2 too a client's fault goes to renderError, and its status and Allow hold (RFC 9110 §15.5)", async () => {
  const { onError, given } = usualOnError();
  const seen: number[] = [];
  const renderError: ErrorRenderer = (error) => {
    seen.push(error.status);
    return new Response("a page", { headers: { allow: "EVIL", connection: "close" } });
  };
  const options = { onError, renderError, bodySizeLimit: 4, headerSizeLimit: 500 };
  await withHttp2(reader, options, async ({ connect }) => {
    const client = connect();
    const large = client.request({ method: "POST", body: "hello" });
    const trace = client.request({ method: "TRACE" });
    const odd = client.request({ fields: [["x-a", "x".repeat(600)]] });
    for (const [id, status] of [[large, 413], [trace, 405], [odd, 431]] as const) {
      const response = await client.response(id);
      assertEquals([response.status, response.text], [status, "a page"]);
      if (status === 405) assertEquals(response.field("allow")?.split(", ").includes("GET"), true);
    }
    assertEquals(seen.sort(), [405, 413, 431]);
    assertEquals(given, []);
  });
});

// What a handler throws

const used = new Response("x");
await used.text();

const failures: readonly (readonly [name: string, handler: Handler, error: string])[] = [
  ["throws", () => {
    throw new Error("odd");
  }, "Error: odd"],
  ["rejects", () => Promise.reject(new RangeError("late")), "RangeError: late"],
  ["throws what is no error", () => Promise.reject("text"), "text"],
  ["throws an HttpError", () => Promise.reject(new HttpError(404)), "HttpError: Not Found"],
  [
    "returns nothing",
    () => JSON.parse("null"),
    "TypeError: The handler returned null, but must return a Response",
  ],
  ["returns a response that was read", () => used, "TypeError: The body of the response was read already"],
  [
    "makes another error of a fault of the client",
    (request) =>
      request.text().then(
        () => new Response(),
        (cause) => Promise.reject(new HttpError(422, "no", { cause })),
      ),
    "HttpError: no",
  ],
];

for (const [name, handler, expected] of failures) {
  Deno.test(`onError answers for a handler that ${name}, over both versions, with the status that it says`, async () => {
    const given: string[] = [];
    const onError: ErrorHandler = (error, request) => {
      given.push(`${error}`);
      return new Response(new URL(request.url).pathname, { status: 299, headers: { "x-page": "mine" } });
    };
    const renderError = () => new Response("never");
    const options = { onError, renderError, bodySizeLimit: 4 };
    await withServer(handler, options, async ({ connect }) => {
      const response = await connect().request(long);
      assertEquals([response.status, response.text, field(response.fields, "x-page")], [299, "/", "mine"]);
    });
    await withHttp2(handler, options, async ({ connect }) => {
      const client = connect();
      const response = await client.response(client.request({ method: "POST", body: "hello" }));
      assertEquals([response.status, response.text], [299, "/"]);
    });
    assertEquals(given, [expected, expected]);
  });
}

Deno.test("renderError without onError renders what a handler throws, 500 with the cause but for HttpError", async () => {
  const given: [status: number, cause: unknown][] = [];
  const renderError: ErrorRenderer = (error) => {
    given.push([error.status, error.cause]);
    return new Response("a page", { status: 200, headers: { "content-type": "text/x" } });
  };
  const bug = new Error("a bug");
  const handler: Handler = (_, { target }) => {
    if (target === "/bug") throw bug;
    throw new HttpError(401, "Who?", { headers: { "www-authenticate": "Basic", "content-type": "text/y" } });
  };
  await withServer(handler, { renderError }, async ({ connect, log }) => {
    const raw = connect();
    const first = await raw.request(get);
    assertEquals([first.status, first.text], [401, "a page"]);
    assertEquals(field(first.fields, "www-authenticate"), "Basic");
    assertEquals(field(first.fields, "content-type"), "text/x");
    const second = await raw.request("GET /bug HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals([second.status, second.text], [500, "a page"]);
    assertEquals(given, [[401, undefined], [500, bug]]);
    assertEquals(log.map(([error]) => error), [bug]);
  });
});

// Pages that fail

const pages: Readonly<Record<string, () => Response | Promise<Response>>> = {
  "throws": () => {
    throw new Error("secret");
  },
  "rejects": () => Promise.reject(new Error("secret")),
  "returns no Response": () => JSON.parse('"secret"'),
  "returns Response.error()": () => Response.error(),
  "returns a Response that was read": () => used,
  "returns a stream that fails": () =>
    new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("secret")) })),
};

for (const [name, page] of Object.entries(pages)) {
  Deno.test(`a renderError that ${name} leaves the server's own page, and is logged (RFC 9110 §15.5)`, async () => {
    await withServer(() => new Response(), { renderError: page }, async ({ connect, log }) => {
      const raw = connect();
      raw.offer("BAD\r\n\r\n");
      const response = await raw.readResponse();
      assertEquals([response.status, response.text.includes("secret")], [400, false]);
      assert(response.text.includes("RFC 9112"), "the own page");
      await raw.expectClosedAfter(response);
      assertEquals(log.length, 1);
    });
  });
}

// The response of onError is sent as it is: a stream that fails is the driver's to end.
for (const [name, page] of Object.entries(pages).filter(([name]) => !name.includes("stream"))) {
  Deno.test(`an onError that ${name} is asked once, leaves the server's own page, and both errors are logged`, async () => {
    const bug = new Error("a bug");
    let asked = 0;
    const onError = () => (asked++, page());
    await withServer(() => Promise.reject(bug), { onError }, async ({ connect, log }) => {
      const response = await connect().request(get);
      assertEquals([response.status, response.text, asked], [500, "Internal Server Error\n", 1]);
      assertEquals([log.length, log[1]?.[0]], [2, bug]);
    });
  });
}
