/** `examples/proxy.ts`, and its function that README shows: what goes over the wire on both sides. */

import { passOn } from "../../examples/proxy.ts";
import type { Handler } from "../../mod.ts";
import { assert, assertEquals, assertLacks, assertMatch } from "../support/assert.ts";
import { concat, fromLatin1 } from "../support/bytes.ts";
import { pass, until, within } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { withProgram } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { type RawAnswer, RawUpstream } from "../support/raw_upstream.ts";
import { field } from "../support/response_parser.ts";
import { withTcpServer } from "../support/server.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A proxy as it is tested: how a client connects, and the server behind it. */
interface Proxied {
  readonly upstream: RawUpstream;
  readonly origin: string;
  connect(): Promise<RawClient>;
}

/** The proxy as a program, and its function in a handler as README has it. */
const proxies: readonly (readonly [
  string,
  (upstream: RawUpstream, run: (origin: string) => Promise<void>) => Promise<void>,
])[] = [
  ["proxy.ts", async (upstream, run) => {
    const args = ["--upstream", `http://${upstream.host}`, "--port", "0"];
    await withProgram(
      "examples/proxy.ts",
      args,
      (line) => run(/http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? ""),
    );
  }],
  ["README's proxy", async (upstream, run) => {
    const handler: Handler = (request, exchange) => {
      const { pathname, search } = new URL(request.url);
      return passOn(request, exchange, `http://${upstream.host}${pathname}${search}`);
    };
    await withTcpServer(handler, {}, ({ origin }) => run(origin));
  }],
];

async function withProxy(
  start: typeof proxies[number][1],
  answer: RawAnswer,
  run: (proxied: Proxied) => Promise<void>,
): Promise<void> {
  await using upstream = new RawUpstream(answer);
  await start(upstream, async (origin) => {
    const opened: RawClient[] = [];
    const connect = async () => {
      const { hostname, port } = new URL(origin);
      const raw = new RawClient(await Deno.connect({ hostname, port: Number(port) }));
      opened.push(raw);
      return raw;
    };
    try {
      await run({ upstream, origin, connect });
    } finally {
      for (const raw of opened) await raw.close();
    }
  });
}

/** The field lines of a message's head, sorted, without those that `fetch` adds of its own accord. */
function linesOf(message: string): string[] {
  const [head = ""] = message.split("\r\n\r\n");
  const own = /^(?:accept|accept-language|user-agent|x-forwarded-\w+): /;
  return head.split("\r\n").slice(1).filter((line) => !own.test(line)).sort();
}

const hopByHop = [
  "Connection: close, X-Named,, x-other",
  "X-Named: 1",
  "X-OTHER: 2",
  "Keep-Alive: timeout=5",
  "Proxy-Connection: keep-alive",
  "Proxy-Authorization: Basic Zm9vOmJhcg==",
  "TE: trailers, deflate",
  "Trailer: x-t",
  "Upgrade: h2c, websocket",
];

for (const [name, start] of proxies) {
  Deno.test(`${name} passes on what is for the upstream server, and no field for one connection (RFC 9110 §7.6.1)`, async () => {
    await withProxy(start, () => ok, async ({ upstream, connect }) => {
      const raw = await connect();
      const lines = ["Host: public.example", "X-Kept: 1", "Cookie: a=1", "Cookie: b=2", ...hopByHop];
      const { status, text } = await raw.request(
        `GET //a/b%2F?c=%20&"d" HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`,
      );
      assertEquals([status, text], [200, "ok"]);
      const [request = ""] = upstream.requests;
      assertMatch(request, /^GET \/\/a\/b%2F\?c=%20&%22d%22 HTTP\/1\.1\r\n/, "the request");
      assertEquals(linesOf(request), [
        "accept-encoding: identity",
        "cookie: a=1; b=2",
        `host: ${upstream.host}`,
        "via: 1.1 drover",
        "x-kept: 1",
      ]);
    });
  });

  Deno.test(`${name} passes back what is for the client, and no field for one connection (RFC 9110 §7.6.1)`, async () => {
    const answer = [
      "HTTP/1.1 203 Fine",
      "Connection: X-Named",
      ...hopByHop.slice(1, -2),
      "Proxy-Authenticate: Basic",
      "Upgrade: h2c",
      "Date: Tue, 15 Nov 1994 08:12:31 GMT",
      "Set-Cookie: a=1",
      "Set-Cookie: b=2",
      "X-Kept: 1",
      "Content-Length: 2",
      "",
      "ok",
    ].join("\r\n");
    await withProxy(start, () => answer, async ({ connect }) => {
      const raw = await connect();
      const response = await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals([response.status, response.reason, response.text], [
        203,
        "Non Authoritative Information",
        "ok",
      ]);
      assertEquals(
        linesOf(raw.received),
        [
          "content-length: 2",
          "date: Tue, 15 Nov 1994 08:12:31 GMT",
          "set-cookie: a=1",
          "set-cookie: b=2",
          "x-kept: 1",
          "x-other: 2",
        ],
      );
      await raw.expectOpen();
    });
  });

  for (const value of ["a b", "\xe9", ",", "", "x-a;q=1", ":"]) {
    Deno.test(`${name} passes on a request with Connection: ${JSON.stringify(value)}`, async () => {
      await withProxy(start, () => ok, async ({ upstream, connect }) => {
        const raw = await connect();
        const { status } = await raw.request(
          `GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nConnection: ${value}\r\n\r\n`,
        );
        assertEquals(status, 200);
        assert(linesOf(upstream.requests[0] ?? "").includes("x-a: 1"), "a field that is passed on");
        assertLacks(upstream.requests[0] ?? "", "connection:", "the request");
      });
    });
  }

  Deno.test(`${name} answers 501 to what fetch cannot send, and the connection goes on (RFC 9110 §15.6.2)`, async () => {
    await withProxy(start, () => ok, async ({ upstream, connect }) => {
      const raw = await connect();
      for (const method of ["GET", "HEAD", "get"]) {
        const sent = `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`;
        await raw.send(sent);
        assertEquals((await raw.readResponse({ method })).status, 501, method);
      }
      await raw.send("TRACK / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals((await raw.readResponse()).status, 501);
      assertEquals(upstream.requests, []);
      await raw.expectOpen();
    });
  });

  Deno.test(`${name} passes on an upgrade as the request that it is without (RFC 9110 §7.8)`, async () => {
    await withProxy(start, () => ok, async ({ upstream, connect }) => {
      const raw = await connect();
      const lines = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
      const { status, text } = await raw.request(
        `GET /chat HTTP/1.1\r\nHost: a\r\n${lines.join("\r\n")}\r\n\r\n`,
      );
      assertEquals([status, text], [200, "ok"]);
      assertLacks(upstream.requests[0] ?? "", "upgrade", "the request");
    });
  });

  for (
    const [kind, pieces] of [["at once", ["hello world"]], ["in pieces", ["hello", " ", "world"]]] as const
  ) {
    Deno.test(`${name} passes on a body of known length ${kind} with its length (RFC 9110 §8.6)`, async () => {
      await withProxy(start, () => ok, async ({ upstream, connect }) => {
        const raw = await connect();
        await raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/x\r\nContent-Length: 11\r\n\r\n");
        for (const piece of pieces) {
          await pass(20);
          await raw.send(piece);
        }
        assertEquals((await raw.readResponse()).status, 200);
        const [request = ""] = upstream.requests;
        assert(linesOf(request).includes("content-length: 11"), request);
        assertEquals(request.slice(request.indexOf("\r\n\r\n") + 4), "hello world");
      });
    });
  }

  Deno.test(`${name} passes on a body of unknown length in chunks (RFC 9112 §7.1)`, async () => {
    await withProxy(start, () => ok, async ({ upstream, connect }) => {
      const raw = await connect();
      await raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      await until("the first chunk at the upstream server", () => upstream.pending.includes("hello"));
      await raw.send("6\r\n world\r\n0\r\nX-T: 1\r\n\r\n");
      assertEquals((await raw.readResponse()).status, 200);
      const [request = ""] = upstream.requests;
      const body = request.slice(request.indexOf("\r\n\r\n") + 4);
      assertEquals(body.replaceAll(/[0-9a-f]+\r\n([^\r]*)\r\n/g, "$1"), "hello world");
      assertEquals(linesOf(request).filter((line) => /^(?:content-length|transfer|trailer)/.test(line)), [
        "transfer-encoding: chunked",
      ]);
    });
  });

  Deno.test(`${name} says 100 itself, and passes on no expectation (RFC 9110 §10.1.1)`, async () => {
    await withProxy(start, () => ok, async ({ upstream, connect }) => {
      const raw = await connect();
      await raw.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
      assertEquals((await raw.readHead()).status, 100);
      await raw.send("hello");
      assertEquals((await raw.readResponse()).status, 200);
      assertLacks(upstream.requests[0] ?? "", "expect", "the request");
    });
  });

  Deno.test(`${name} passes back what has no body, and encoded content as it is (RFC 9110 §8.4)`, async () => {
    const stream = new Blob(["ok"]).stream().pipeThrough(new CompressionStream("gzip"));
    const gzip = [...new Uint8Array(await new Response(stream).arrayBuffer())].map((byte) =>
      String.fromCharCode(byte)
    );
    const answers: Readonly<Record<string, string>> = {
      "/304": 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
      "/204": "HTTP/1.1 204 No Content\r\n\r\n",
      "/205": "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
      "/302": "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
      "/200": `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${gzip.length}\r\n\r\n${
        gzip.join("")
      }`,
    };
    await withProxy(start, (request) => answers[request.split(" ")[1] ?? ""] ?? null, async ({ connect }) => {
      const raw = await connect();
      for (const path of Object.keys(answers)) {
        for (const accepted of ["", "Accept-Encoding: gzip, br\r\n"]) {
          const sent = `GET ${path} HTTP/1.1\r\nHost: a\r\n${accepted}\r\n`;
          const { status, body, fields } = await raw.request(sent);
          assertEquals([`/${status}`, fromLatin1(body)], [path, path === "/200" ? gzip.join("") : ""]);
          assertEquals(field(fields, "content-encoding"), path === "/200" ? "gzip" : undefined);
        }
      }
    });
  });

  for (const [kind, answer] of [["closes", null], ["answers nonsense", "NONSENSE\r\n\r\n"]] as const) {
    Deno.test(`${name} answers 502 when the upstream server ${kind} (RFC 9110 §15.6.3)`, async () => {
      await withProxy(start, () => answer, async ({ connect, upstream }) => {
        const raw = await connect();
        const { status, text } = await raw.request(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
        );
        assertEquals(status, 502);
        assertLacks(text, upstream.host, "the page");
        assertEquals((await raw.request("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n")).status, 502);
      });
    });
  }

  Deno.test(`${name} ends its upstream request when the client leaves, and cuts its response when upstream does`, async () => {
    const begun = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok";
    await withProxy(start, () => begun, async ({ connect, upstream }) => {
      const leaving = await connect();
      await leaving.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await leaving.readHead();
      await leaving.close();
      await until("the end of the upstream request", () => upstream.open === 0);
      const staying = await connect();
      await staying.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await until("the second request", () => upstream.requests.length === 2);
      await pass(50);
      await upstream[Symbol.asyncDispose]();
      const response = await within("the end", staying.tryResponse());
      assertEquals([response?.status, response?.complete, response?.text], [200, false, "ok"]);
    });
  });

  Deno.test(`${name} passes a megabyte both ways, to a real client`, async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(65_536));
    const all = concat(Array.from({ length: 16 }, () => bytes));
    await using upstream = new RawUpstream((request) => {
      const body = request.slice(request.indexOf("\r\n\r\n") + 4);
      return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    });
    await start(upstream, async (origin) => {
      const response = await fetch(`${origin}/echo`, { method: "POST", body: all });
      assertEquals(response.headers.get("content-length"), String(all.length));
      assert(
        concat([new Uint8Array(await response.arrayBuffer())]).every((byte, at) => byte === all[at]),
        "the bytes",
      );
    });
  });
}

Deno.test("proxy.ts says for whom it asks, whatever the client says (RFC 7239 §1)", async () => {
  await withProxy(proxies[0]![1], () => ok, async ({ upstream, connect, origin }) => {
    const raw = await connect();
    const lines = [`Host: ${new URL(origin).host}`, "X-Forwarded-For: 1.2.3.4", "Via: 1.0 other"];
    await raw.request(`GET / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    const [request = ""] = upstream.requests;
    const found = request.split("\r\n").filter((line) => /^(?:x-forwarded-|via)/.test(line)).sort();
    assertEquals(found, [
      "via: 1.0 other, 1.1 drover",
      "x-forwarded-for: 127.0.0.1",
      `x-forwarded-host: ${new URL(origin).host}`,
      "x-forwarded-proto: http",
    ]);
  });
});

Deno.test("passOn() answers 504 when the upstream server takes too long (RFC 9110 §15.6.5)", async () => {
  const gate = Promise.withResolvers<string | null>();
  await using upstream = new RawUpstream(() => gate.promise);
  const handler: Handler = (request, exchange) => passOn(request, exchange, `http://${upstream.host}/`);
  await withTcpServer(handler, {}, async ({ connect }) => {
    using time = new FakeTime();
    const raw = await connect();
    await raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    while (upstream.requests.length === 0) await time.settle();
    await time.pass(60_000);
    assertEquals((await raw.readResponse()).status, 504);
    gate.resolve(null);
  });
});
