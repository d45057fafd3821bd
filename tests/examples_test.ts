/** `examples/hello.ts`, `examples/proxy.ts` and `examples/events.ts` in processes of their own, asked by real clients. */

import type { Handler } from "../mod.ts";
import { assert, assertEquals, assertLacks, assertMatch } from "./support/assert.ts";
import { turns, within } from "./support/deadline.ts";
import { withProgram } from "./support/program.ts";
import { RawClient } from "./support/raw_client.ts";
import { field, type FieldLine } from "./support/response_parser.ts";
import { withTcpServer } from "./support/server.ts";
import { findTool, runTool, testWithTool } from "./support/tools.ts";

const curl = findTool("curl");
const encoder = new TextEncoder();

/** The origin in a line that a program printed. */
function originIn(line: string): string {
  const origin = /http:\/\/127\.0\.0\.1:[1-9]\d*/.exec(line)?.[0];
  assert(origin !== undefined, `a line that says where it listens: ${JSON.stringify(line)}`);
  return origin;
}

/** The next piece of a body as text; `null` at its end. */
async function nextText(pieces: AsyncIterator<Uint8Array>, what: string): Promise<string | null> {
  const { done, value } = await within(what, pieces.next());
  return done ? null : new TextDecoder().decode(value);
}

/** The pieces of a body. */
function piecesOf({ body }: Request | Response): AsyncIterator<Uint8Array> {
  assert(body !== null, "there is a body");
  return body[Symbol.asyncIterator]();
}

// --------------------------------------------------------------------------------------------------- hello.ts

Deno.test("hello.ts says where it listens, greets whom the path names, and stops by SIGTERM", async () => {
  const code = await withProgram("examples/hello.ts", ["0"], async (line) => {
    assertMatch(line, /^Listening\. Try: curl -i http:\/\/127\.0\.0\.1:[1-9]\d*\/world\n$/, "the line");
    for (const [path, name] of [["/Deno", "Deno"], ["/", "World"]] as const) {
      const response = await fetch(`${originIn(line)}${path}`);
      assertEquals(response.status, 200);
      assertEquals(await response.text(), `Hello, ${name}! You came from 127.0.0.1.\n`);
    }
  }, ["--allow-net"]);
  assertEquals(code, 0, "the code it ends with");
});

testWithTool(curl, "curl", "the command that hello.ts says to try is answered", async (path) => {
  await withProgram("examples/hello.ts", ["0"], async (line) => {
    const [, ...args] = /curl .*/.exec(line)?.[0].split(" ") ?? [];
    const { code, stdout, stderr } = await runTool(path, ["-q", "-sS", "--noproxy", "*", ...args]);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^HTTP\/1\.1 200 OK\r\n/, "what curl prints");
    assertMatch(stdout, /\r\n\r\nHello, world! You came from 127\.0\.0\.1\.\n$/, "what curl prints");
  });
});

// --------------------------------------------------------------------------------------------------- proxy.ts

/** Runs a test with the proxy before an origin that answers by `handler`. */
async function withProxy(handler: Handler, run: (proxy: string) => Promise<void>): Promise<void> {
  await withTcpServer(handler, {}, async ({ origin }) => {
    await withProgram("examples/proxy.ts", ["--upstream", origin, "--port", "0"], async (line) => {
      await run(originIn(line));
    });
  });
}

/** Sends a request without a pool behind it, with fields that `fetch` does not let through, and gives the response. */
async function askRaw(proxy: string, request: string) {
  const raw = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(proxy).port) }));
  try {
    return await raw.request(request);
  } finally {
    await raw.close();
  }
}

Deno.test("proxy.ts passes on method, path, query, fields and body", async () => {
  const seen: { target: string; fields: readonly FieldLine[]; body: string }[] = [];
  const origin: Handler = async (request, exchange) => {
    const target = `${request.method} ${exchange.target}`;
    seen.push({ target, fields: exchange.rawHeaders, body: await request.text() });
    return new Response("seen");
  };
  await withProxy(origin, async (proxy) => {
    const headers = { "content-type": "text/x-test", "x-one": "1, 2" };
    const asked = { method: "PATCH", headers, body: "a body" };
    assertEquals(await (await fetch(`${proxy}/a%2Fb//c?q=%20x&y`, asked)).text(), "seen");
    assertEquals(await (await fetch(`${proxy}/`, { method: "DELETE" })).text(), "seen");
  });
  assertEquals(seen.map(({ target, body }) => [target, body]), [
    ["PATCH /a%2Fb//c?q=%20x&y", "a body"],
    ["DELETE /", ""],
  ]);
  const fields = seen[0]?.fields ?? [];
  assertEquals([field(fields, "content-type"), field(fields, "x-one")], ["text/x-test", "1, 2"]);
  assertEquals(field(fields, "accept-encoding"), "identity", "the coding that the proxy asks for");
});

Deno.test("proxy.ts does not pass on the fields of the client's connection (RFC 9110 §7.6.1)", async () => {
  let seen: readonly FieldLine[] = [];
  const origin: Handler = (_, exchange) => {
    seen = exchange.rawHeaders;
    return new Response("seen");
  };
  await withProxy(origin, async (proxy) => {
    const lines = ["Connection: x-own, close", "X-Own: 1", "TE: trailers", "Keep-Alive: 5", "X-Kept: 1"];
    const { text } = await askRaw(proxy, `GET / HTTP/1.1\r\nHost: a\r\n${lines.join("\r\n")}\r\n\r\n`);
    for (const name of ["x-own", "te", "keep-alive"]) assertEquals(field(seen, name), undefined, name);
    assertEquals([field(seen, "x-kept"), text], ["1", "seen"]);
  });
});

Deno.test("proxy.ts gives back the status and fields of the answer, redirections too", async () => {
  const origin: Handler = (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/moved") return new Response("go", { status: 302, headers: { location: "/there" } });
    if (pathname === "/none") return new Response(null, { status: 304, headers: { etag: '"1"' } });
    const fields: [string, string][] = [["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x-answer", "yes"]];
    return new Response("brewing", { status: 418, headers: fields });
  };
  await withProxy(origin, async (proxy) => {
    const tea = await fetch(`${proxy}/tea`);
    assertEquals([tea.status, await tea.text()], [418, "brewing"]);
    assertEquals([tea.headers.getSetCookie(), tea.headers.get("x-answer")], [["a=1", "b=2"], "yes"]);
    const moved = await fetch(`${proxy}/moved`, { redirect: "manual" });
    assertEquals([moved.status, moved.headers.get("location"), await moved.text()], [302, "/there", "go"]);
    const none = await fetch(`${proxy}/none`);
    assertEquals([none.status, none.headers.get("etag"), await none.text()], [304, '"1"', ""]);
    const head = await fetch(`${proxy}/tea`, { method: "HEAD" });
    assertEquals([head.status, head.headers.get("content-length"), await head.text()], [418, "7", ""]);
  });
});

Deno.test("proxy.ts passes a body on while it is sent", async () => {
  const first = Promise.withResolvers<string | null>();
  const origin: Handler = async (request) => {
    const pieces = piecesOf(request);
    first.resolve(await nextText(pieces, "the first piece at the origin"));
    let rest = "";
    for (let text; (text = await nextText(pieces, "the rest at the origin")) !== null;) rest += text;
    return new Response(rest);
  };
  await withProxy(origin, async (proxy) => {
    const { readable, writable } = new TransformStream<Uint8Array>();
    const writer = writable.getWriter();
    const answer = fetch(proxy, { method: "POST", body: readable });
    await within("the first write", writer.write(encoder.encode("one")));
    assertEquals(await within("the first piece", first.promise), "one");
    await within("the second write", writer.write(encoder.encode("two")));
    await writer.close();
    assertEquals(await (await within("the answer", answer)).text(), "two");
  });
});

Deno.test("proxy.ts passes an answer back while it is made", async () => {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  await withProxy(() => new Response(readable), async (proxy) => {
    void writer.write(encoder.encode("one"));
    const pieces = piecesOf(await within("the head", fetch(proxy)));
    assertEquals(await nextText(pieces, "the first piece"), "one");
    await within("the second write", writer.write(encoder.encode("two")));
    assertEquals(await nextText(pieces, "the second piece"), "two");
    await writer.close();
    assertEquals(await nextText(pieces, "the end"), null);
  });
});

Deno.test("proxy.ts ends the request to the origin when the client leaves", async () => {
  const cancelled = Promise.withResolvers<void>();
  const endless: Handler = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        async pull(controller) {
          await turns(5);
          controller.enqueue(encoder.encode("more"));
        },
        cancel: () => cancelled.resolve(),
      }),
    );
  await withProxy(endless, async (proxy) => {
    const leaving = new AbortController();
    const pieces = piecesOf(await fetch(proxy, { signal: leaving.signal }));
    assertMatch(await nextText(pieces, "the first piece") ?? "", /^more/, "the first piece");
    leaving.abort();
    await within("the cancellation at the origin", cancelled.promise);
    await turns(); // a pull may have been on its way
  });
});

Deno.test("proxy.ts answers 502 when the origin cannot be reached (RFC 9110 §15.6.3)", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const upstream = `http://127.0.0.1:${closed.addr.port}`;
  closed.close();
  await withProgram("examples/proxy.ts", ["--upstream", upstream, "--port", "0"], async (line) => {
    const response = await fetch(originIn(line));
    assertEquals(response.status, 502);
    assertLacks(await response.text(), upstream, "the answer");
  });
});

// -------------------------------------------------------------------------------------------------- events.ts

/**
 * Runs a test with the example, which is made to listen on any port, for it takes none; and to tell with each change how
 * many of its clocks run.
 */
async function withEvents(run: (origin: string, clocks: (count: number) => Promise<void>) => Promise<void>) {
  const told: string[] = [];
  let change = Promise.withResolvers<void>();
  const listener: Handler = async (request) => {
    told.push(await request.text());
    change.resolve();
    change = Promise.withResolvers();
    return new Response();
  };
  async function clocks(count: number): Promise<void> {
    while (told.at(-1) !== String(count)) await within(`a change to ${count} clocks`, change.promise, 8_000);
  }
  await withTcpServer(listener, {}, async ({ origin }) => {
    const before = `
      const { listen } = Deno;
      Deno.listen = (options) => listen({ ...options, port: 0 });
      const { setInterval: set, clearInterval: clear } = globalThis;
      const clocks = new Set();
      const tell = () => fetch("${origin}", { method: "POST", body: String(clocks.size) });
      globalThis.setInterval = (call, delay) => {
        const id = set(call, delay);
        if (delay === 1000) tell(clocks.add(id)); // others are the server's
        return id;
      };
      globalThis.clearInterval = (id) => { clear(id); if (clocks.delete(id)) tell(); };`;
    const preload = `--preload=data:text/javascript,${encodeURIComponent(before)}`;
    await withProgram("examples/events.ts", [], (line) => run(originIn(line), clocks), ["-A", preload]);
  });
}

/** The next event named `tick`. */
function nextTick(source: EventSource): Promise<MessageEvent<string>> {
  return within(
    "an event",
    new Promise((resolve) => source.addEventListener("tick", resolve, { once: true })),
  );
}

Deno.test("events.ts gives events one by one, and makes no more when the client has left", async () => {
  await withEvents(async (origin, clocks) => {
    const source = new EventSource(`${origin}/events`);
    try {
      const first = await nextTick(source);
      const arrived = Date.now();
      const second = await nextTick(source);
      const data = [first, second].map((event) => JSON.parse(event.data));
      assertEquals([first, second].map((event) => event.lastEventId), ["1", "2"]);
      assertEquals(data.map(({ count, to }) => [count, to.hostname]), [[1, "127.0.0.1"], [2, "127.0.0.1"]]);
      assert(Date.parse(data[1].at) > arrived, "the first event came before the second was made");
      await clocks(1);
    } finally {
      source.close();
    }
    await clocks(0);
  });
});

Deno.test("events.ts has a page that listens to its events, and nothing else", async () => {
  await withEvents(async (origin) => {
    const page = await fetch(`${origin}/`);
    assertEquals([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
    assertMatch(await page.text(), /new EventSource\("\/events"\)\.addEventListener\("tick"/, "the page");
    const events = await fetch(`${origin}/events`);
    assertEquals(events.headers.get("content-type"), "text/event-stream");
    assertEquals(events.headers.get("cache-control"), "no-store");
    await events.body?.cancel();
    const other = await fetch(`${origin}/other`);
    assertEquals(other.status, 404);
    await other.body?.cancel();
  });
});
