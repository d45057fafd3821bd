/** The `Request` that a handler gets: a web Request in every respect, made of what was received. */

import { ServerRequest } from "../../mod.ts";
import { LAZY_REQUEST_HOLDS } from "../../request.ts";
import { assert, assertEquals, thrown } from "../support/assert.ts";
import { turns, within } from "../support/deadline.ts";
import { withServer, withTcpServer } from "../support/server.ts";

const get = "GET /a?b=c HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n";

function post(body: string, type = "text/plain", method = "POST"): string {
  const length = new TextEncoder().encode(body).length;
  return `${method} /a HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

/** Runs `look` as a handler of one request, and gives what it returned. */
async function see<T>(bytes: string, look: (request: Request) => T | Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const handler = async (request: Request): Promise<Response> => {
    try {
      resolve(await look(request));
    } catch (error) {
      reject(error);
    }
    return new Response();
  };
  return await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(bytes);
    const [method = ""] = bytes.split(" ");
    const [value] = await Promise.all([within("the handler", promise), raw.readResponse({ method })]);
    return value;
  });
}

Deno.test("the request is a Request and a ServerRequest", async () => {
  const kinds = await see(get, (request) => [
    request instanceof Request,
    request instanceof ServerRequest,
    Object.prototype.toString.call(request),
  ]);
  assertEquals(kinds, [true, LAZY_REQUEST_HOLDS, "[object Request]"]);
});

Deno.test("the URL is absolute and normalized as a URL is (RFC 9112 §3.3)", async () => {
  assertEquals(await see(get, ({ url }) => url), "http://a/a?b=c");
  const dotted = "GET /x/../y/%7euser HTTP/1.1\r\nHost: A:80\r\n\r\n";
  assertEquals(await see(dotted, ({ url }) => new URL(url).href === url), true);
});

Deno.test("the members of a request without body have the values of a web Request", async () => {
  const members = await see(get, (request) => ({
    method: request.method,
    body: request.body,
    bodyUsed: request.bodyUsed,
    aborted: request.signal.aborted,
    signal: request.signal instanceof AbortSignal,
    same: request.headers === request.headers && request.signal === request.signal,
  }));
  assertEquals(members, {
    method: "GET",
    body: null,
    bodyUsed: false,
    aborted: false,
    signal: true,
    same: true,
  });
});

Deno.test("headers are web Headers: any case, joined, iterable", async () => {
  const bytes = "GET / HTTP/1.1\r\nHost: a\r\nX-B: 2\r\nX-A: 1\r\nx-b: 3\r\n\r\n";
  const found = await see(bytes, ({ headers }) => ({
    kind: headers instanceof Headers,
    get: headers.get("x-B"),
    has: [headers.has("HOST"), headers.has("x-c")],
    none: headers.get("x-c"),
    all: [...headers],
    refused: thrown(() => headers.get("no token"), "get()").name,
  }));
  assertEquals(found, {
    kind: true,
    get: "2, 3",
    has: [true, false],
    none: null,
    all: [["host", "a"], ["x-a", "1"], ["x-b", "2, 3"]],
    refused: "TypeError",
  });
});

for (
  const [name, read, expected] of [
    ["text", (request: Request) => request.text(), '{"a":"ä"}'],
    ["json", (request: Request) => request.json(), { a: "ä" }],
    ["bytes", async (request: Request) => new TextDecoder().decode(await request.bytes()), '{"a":"ä"}'],
    [
      "arrayBuffer",
      async (request: Request) => new TextDecoder().decode(await request.arrayBuffer()),
      '{"a":"ä"}',
    ],
    ["blob", async (request: Request) => await (await request.blob()).text(), '{"a":"ä"}'],
    ["body", (request: Request) => new Response(request.body).text(), '{"a":"ä"}'],
    ["clone().text", (request: Request) => request.clone().text(), '{"a":"ä"}'],
  ] as const
) {
  Deno.test(`${name}() gives the body, once`, async () => {
    const bytes = post("", "application/json").replace("Content-Length: 0", "Content-Length: 10") +
      '{"a":"\xc3\xa4"}';
    assertEquals(await see<unknown>(bytes, read), expected);
  });
}

Deno.test("the type of the blob is that of the body", async () => {
  assertEquals(
    await see(post("x", "image/png"), async (request) => (await request.blob()).type),
    "image/png",
  );
});

Deno.test("formData() reads urlencoded forms", async () => {
  const bytes = post("a=1&b=%C3%A4&a=2", "application/x-www-form-urlencoded");
  assertEquals(await see(bytes, async (request) => [...await request.formData()]), [["a", "1"], ["b", "ä"], [
    "a",
    "2",
  ]]);
});

Deno.test("formData() reads multipart forms with files", async () => {
  const body =
    '--x\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n';
  const file = await see(post(body, "multipart/form-data; boundary=x"), async (request) => {
    const entry = (await request.formData()).get("f");
    return entry instanceof File ? [entry.name, entry.type, await entry.text()] : null;
  });
  assertEquals(file, ["f.txt", "text/plain", "hello"]);
});

Deno.test("reading a body of none gives an empty one", async () => {
  const values = await see(get, async (request) => [
    await request.clone().text(),
    (await request.clone().bytes()).length,
    await request.text(),
  ]);
  assertEquals(values, ["", 0, ""]);
});

Deno.test("bodyUsed tells of reading, and a second reading fails", async () => {
  const seen = await see(post("hello"), async (request) => {
    const before = request.bodyUsed;
    const text = await request.text();
    const again = await request.text().then(() => "read twice", (error: Error) => error.name);
    return [before, text, request.bodyUsed, again];
  });
  assertEquals(seen, [false, "hello", true, "TypeError"]);
});

Deno.test("clone() gives two bodies, and fails once the body is used", async () => {
  const seen = await see(post("hello"), async (request) => {
    const copy = request.clone();
    const texts = await Promise.all([request.text(), copy.text()]);
    return [...texts, copy.url, copy.method, thrown(() => request.clone(), "clone()").name];
  });
  assertEquals(seen, ["hello", "hello", "http://a/a", "POST", "TypeError"]);
});

Deno.test("new Request(request) takes over all of it", async () => {
  const seen = await see(post("hello", "text/x-test", "PUT"), async (request) => {
    const copy = new Request(request);
    return [copy.method, copy.url, copy.headers.get("content-type"), await copy.text(), request.bodyUsed];
  });
  assertEquals(seen, ["PUT", "http://a/a", "text/x-test", "hello", true]);
});

Deno.test("new Request(url, request) takes over all but the URL", async () => {
  const seen = await see(post("hello", "text/x-test", "PUT"), async (request) => {
    const copy = new Request("http://b/other", request);
    return [copy.method, copy.url, copy.headers.get("content-type"), await copy.text()];
  });
  assertEquals(seen, ["PUT", "http://b/other", "text/x-test", "hello"]);
});

Deno.test("new Request(request, init) overrides what init says", async () => {
  const seen = await see(get, (request) => {
    const copy = new Request(request, { method: "POST", headers: { "x-a": "2" }, body: "new" });
    return copy.text().then((text) => [copy.method, copy.headers.get("x-a"), text]);
  });
  assertEquals(seen, ["POST", "2", "new"]);
});

Deno.test("the body of GET does not stop the web's constructors", async () => {
  const seen = await see(post("hello", "text/plain", "GET"), (request) => {
    const copy = new Request(request.url, { headers: request.headers });
    return [request.method, copy.headers.get("content-type")];
  });
  assertEquals(seen, ["GET", "text/plain"]);
});

Deno.test("a request can be inspected and kept", async () => {
  const kept: Request[] = [];
  const text = await see(get, (request) => {
    kept.push(request);
    return Deno.inspect(request);
  });
  assert(text.includes("http://a/a"), `Deno.inspect gives ${text}`);
  assertEquals([kept[0]?.url, kept[0]?.headers.get("x-a")], ["http://a/a?b=c", "1"]);
});

Deno.test("many requests in one write have each their own fields and URL", async () => {
  const kept: Request[] = [];
  const handler = (request: Request): Response => {
    kept.push(request);
    return new Response();
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(
      Array.from({ length: 50 }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\nX-N: ${i}\r\n\r\n`).join(""),
    );
    for (let index = 0; index < 50; index++) await raw.readResponse();
    for (const [index, request] of kept.entries()) {
      assertEquals([request.url, request.headers.get("x-n")], [`http://a/${index}`, `${index}`]);
    }
  });
});

/** An upstream that tells what it was asked, for a handler that passes requests on. */
async function withUpstream(run: (origin: string) => Promise<void>): Promise<void> {
  const upstream = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body = await request.text();
    const { pathname } = new URL(request.url);
    const answer = { method: request.method, pathname, test: request.headers.get("x-test"), body };
    return Response.json(answer, { status: 299, headers: { "x-up": "stream" } });
  });
  try {
    await run(`127.0.0.1:${upstream.addr.port}`);
  } finally {
    await upstream.shutdown();
  }
}

for (
  const [name, pass] of [
    ["fetch(request)", (request: Request, _origin: string) => fetch(request)],
    [
      "fetch(new Request(url, request))",
      (request: Request, origin: string) => fetch(new Request(`http://${origin}/a`, request)),
    ],
    ["fetch(url, request)", (request: Request, origin: string) => fetch(`http://${origin}/a`, request)],
  ] as const
) {
  for (const method of ["GET", "POST"]) {
    Deno.test(`${name} passes a ${method} on, and its Response comes back`, async () => {
      await withUpstream(async (origin) => {
        await withTcpServer((request) => pass(request, origin), {}, async ({ connect }) => {
          const raw = await connect();
          const framing = method === "POST" ? "Content-Length: 5\r\n" : "";
          const body = method === "POST" ? "hello" : "";
          await raw.send(`${method} /a HTTP/1.1\r\nHost: ${origin}\r\nX-Test: yes\r\n${framing}\r\n${body}`);
          const { status, fields, text } = await raw.readResponse();
          assertEquals(status, 299);
          assertEquals(fields.find(([field]) => field === "x-up")?.[1], "stream");
          assertEquals(JSON.parse(text), { method, pathname: "/a", test: "yes", body });
          await turns();
        });
      });
    });
  }
}

for (const framed of ["chunks", "a length"]) {
  Deno.test(`a fetched response that came compressed in ${framed} is passed on whole (RFC 9110 §8.4)`, async () => {
    await passOnCompressed(framed === "a length");
  });
}

/**
 * `fetch` decodes the body but leaves its fields: Content-Encoding and Content-Length no longer describe it.
 */
async function passOnCompressed(withLength: boolean): Promise<void> {
  const text = "compress me ".repeat(1000);
  const upstream = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async () => {
    const body = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
    const sent = withLength ? await new Response(body).bytes() : body;
    return new Response(sent, { headers: { "content-encoding": "gzip" } });
  });
  try {
    const url = `http://127.0.0.1:${upstream.addr.port}/`;
    await withTcpServer(() => fetch(url), {}, async ({ connect }) => {
      const raw = await connect();
      const { fields, body } = await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      const coding = fields.find(([field]) => field === "content-encoding")?.[1];
      const plain = new Response(
        coding === "gzip" ? new Blob([body]).stream().pipeThrough(new DecompressionStream("gzip")) : body,
      );
      assertEquals((await plain.text()).length, text.length);
    });
  } finally {
    await upstream.shutdown();
  }
}
