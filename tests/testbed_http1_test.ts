/** The testbed over HTTP/1: its routes, its flags, and what it says of a wrong command line. */

import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { makeCertificate, openssl } from "./attacks/certificates.ts";
import { assert, assertEquals, assertMatch } from "./support/assert.ts";
import { until, within } from "./support/deadline.ts";
import { withProgram } from "./support/program.ts";
import { RawClient } from "./support/raw_client.ts";
import { field, type RawResponse } from "./support/response_parser.ts";
import { findTool, runTool, testWithTool } from "./support/tools.ts";
import { handshake } from "./support/websocket_wire.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const PROGRAM = "examples/testbed.ts";
const curl = findTool("curl");
const encoder = new TextEncoder();

/** Runs the testbed with some flags, gives its origin, and sees it end with 0. */
async function withTestbed(flags: readonly string[], run: (origin: string) => Promise<void>): Promise<void> {
  const code = await withProgram(PROGRAM, flags, async (line) => {
    const [, origin] = /^listening (https?:\/\/127\.0\.0\.1:[1-9]\d*)\/\n/.exec(line) ?? [];
    assert(origin !== undefined, `it says where it listens: ${JSON.stringify(line)}`);
    await run(origin);
  });
  assertEquals(code, 0, "the code it ends with");
}

/** What is seen of an answer: its status, its length, its text, and fields by their names. */
type Seen = Readonly<Record<string, string | number | null>>;

const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180
const TEXT = "0123456789".repeat(1_000);
const STYLE = "</style.css>; rel=preload; as=style";
const HINT = { version: "HTTP/1.1", status: 103, reason: "Early Hints" };
const PUSHED = "</pushed.css>; rel=preload; as=style";
const ROBOTS = "User-agent: *\nDisallow:\n";
const HELLO = { hello: "world", path: "/json", userAgent: "test", accept: "a/b" };
const [FIRST, SECOND] = [0, 1].map((id) => `event: tick\nid: ${id}\ndata: {"event":${id}}\n\n`);

/** What is asked for, with which body, and what is to be seen of the answer. */
const ANSWERS: readonly (readonly [asked: string, body: string | null, seen: Seen])[] = [
  ["GET /", null, { status: 200, "content-type": "text/plain", text: "Hello, World!" }],
  ["GET /unknown", null, { status: 404, "content-type": "text/plain;charset=UTF-8" }],
  ["PUT /echo", TEXT, { "content-type": "text/plain;charset=UTF-8", "content-length": "10000", text: TEXT }],
  ["GET /json?q=1", null, { "content-type": "application/json", text: JSON.stringify(HELLO) }],
  ["GET /bytes?n=100000", null, { status: 200, "content-length": "100000", length: 100_000 }],
  ["HEAD /bytes?n=100000", null, { status: 200, "content-length": "100000", length: 0 }],
  ["GET /events?n=2&delay=1", null, { "content-type": "text/event-stream", text: `${FIRST}${SECOND}` }],
  ["POST /discard", "x".repeat(70_000), { "content-type": "application/json", text: '{"bytes":70000}' }],
  ["POST /limited?max=5", "12345", { status: 200, text: '{"bytes":5}' }],
  ["POST /limited?max=4", "12345", { status: 413 }],
  ["GET /status?code=204", null, { status: 204, text: "" }],
  ["GET /error?code=418", null, { status: 418 }],
  ["GET /throw", null, { status: 500 }],
  ["GET /push", null, { status: 200, link: PUSHED }],
  ["GET /files/robots.txt", null, { "content-type": "text/plain; charset=utf-8", text: ROBOTS }],
  ["GET /files/none", null, { status: 404 }],
];

/** Asks by `fetch`, and gives all that may be seen. */
async function ask(url: string, init: RequestInit = {}): Promise<Seen> {
  const response = await within(url, fetch(url, init));
  const text = await within(`the body of ${url}`, response.text());
  return { status: response.status, length: text.length, text, ...Object.fromEntries(response.headers) };
}

async function checkAnswer(origin: string, [asked, body, seen]: typeof ANSWERS[number]): Promise<void> {
  const [method = "", path] = asked.split(" ");
  const headers = { "user-agent": "test", accept: "a/b" };
  const answer = await ask(`${origin}${path}`, { method, body, headers });
  for (const [name, value] of Object.entries(seen)) assertEquals(answer[name], value, name);
}

/** The first piece of a body that has further ones; the client leaves then. */
async function firstPiece(url: string): Promise<string> {
  const response = await within(`the head of ${url}`, fetch(url));
  const reader = response.body!.getReader();
  const { value } = await within(`the first piece of ${url}`, reader.read());
  await reader.cancel();
  return new TextDecoder().decode(value);
}

/** Runs a test with a connection of its own. */
async function withRaw<T>(origin: string, run: (raw: RawClient, port: number) => Promise<T>): Promise<T> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(origin).port) });
  const raw = new RawClient(connection);
  try {
    return await run(raw, (connection.localAddr as Deno.NetAddr).port);
  } finally {
    await raw.close();
  }
}

/** One request with some field lines, and its response. */
function askRaw(origin: string, line: string, ...fields: readonly string[]): Promise<RawResponse> {
  const request = [`${line} HTTP/1.1`, "Host: a", ...fields, "", ""].join("\r\n");
  return withRaw(origin, (raw) => raw.request(request));
}

/** Sends bytes behind a request that switches protocols, and wants all of them back. */
async function expectEcho(origin: string, request: string, status: number): Promise<void> {
  await withRaw(origin, async (raw) => {
    await raw.send(`${request}\r\n\r\nfirst `);
    assertEquals((await raw.readHead({ method: request.split(" ", 1)[0]! })).status, status);
    await raw.send("second");
    await raw.end();
    assertEquals(await raw.readToEnd(), "first second");
  });
}

/** Requests with some field lines, and what is to be seen of their answers on the wire. */
const WIRE: readonly (readonly [line: string, fields: readonly string[], seen: Partial<RawResponse>])[] = [
  ["POST /ignore", ["Content-Length: 5"], { status: 200 }], // and no body
  ["GET /stream?chunks=3&size=7&delay=20", [], { status: 200, chunks: [7, 7, 7] }],
  ["GET /status?code=299&reason=Very%20fine", [], { status: 299, reason: "Very fine", text: "status 299" }],
  ["GET /trailers", [], { text: "with trailers", trailers: [["x-checksum", "42"], ["x-late", "yes"]] }],
  ["GET /hints", [], { status: 200, interim: [{ ...HINT, fields: [["link", STYLE]] }] }],
  ["POST /grpc.health.v1.Health/Check", ["Content-Type: application/grpc", "Content-Length: 0"], {
    ...{ status: 200, text: "\0\0\0\0\x02\x08\x01", trailers: [["grpc-status", "0"]] },
  }],
];

async function checkWire(origin: string, [line, fields, seen]: typeof WIRE[number]): Promise<void> {
  const response = await askRaw(origin, line, ...fields);
  for (const name of Object.keys(seen) as (keyof RawResponse)[]) {
    assertEquals(response[name], seen[name], name);
  }
}

const ROUTES: Readonly<Record<string, (origin: string) => Promise<void>>> = {
  "ANY /echo, as it arrives": async (origin) => {
    const { readable, writable } = new TransformStream<Uint8Array>();
    const writer = writable.getWriter();
    const asked = fetch(`${origin}/echo`, { method: "POST", body: readable });
    await within("the first write", writer.write(encoder.encode("one")));
    const reader = (await within("the head", asked)).body!.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await within("the first piece", reader.read())).value, "one");
    await within("the second write", writer.write(encoder.encode("two")));
    assertEquals((await within("the second piece", reader.read())).value, "two");
    await writer.close();
    assertEquals((await within("the end", reader.read())).done, true);
  },
  "ANY /inspect": (origin) =>
    withRaw(origin, async (raw, port) => {
      const fields = [["Host", "a.test"], ["X-One", "1"], ["x-one", "2"], ["Transfer-Encoding", "chunked"]];
      const lines = fields.map((line) => line.join(": ")).join("\r\n");
      const body = "3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n";
      const { text } = await raw.request(`POST /inspect?q=%201 HTTP/1.1\r\n${lines}\r\n\r\n${body}`);
      assertEquals(JSON.parse(text), {
        ...{ method: "POST", target: "/inspect?q=%201", protocol: "HTTP/1.1" },
        ...{ url: "http://a.test/inspect?q=%201", headers: fields },
        ...{ body: { bytes: 3, sha256: ABC }, trailers: [["x-sum", "9"]] },
        ...{ remoteAddress: "127.0.0.1", remotePort: port },
        ...{ localAddress: "127.0.0.1", localPort: Number(new URL(origin).port) },
        ...{ encrypted: false, tls: null },
      });
    }),
  "GET /text, compressed as the client accepts": async (origin) => {
    const plain = await askRaw(origin, "GET /text");
    assertEquals([plain.text.length, field(plain.fields, "content-encoding")], [65_536, undefined]);
    assertMatch(plain.text, /^(?:[A-Z][a-z]*(?: [a-z]+){4,}\.[ \n])+/);
    const decoders = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
    for (const [coding, decode] of Object.entries({ ...decoders, deflate: inflateSync })) {
      const { fields, body } = await askRaw(origin, "GET /text", `Accept-Encoding: ${coding}`);
      assertEquals(field(fields, "content-encoding"), coding);
      assert(body.length < 32_768, `${coding} makes it smaller`);
      assert(decode(body).toString() === plain.text, `${coding} keeps the text`);
    }
  },
  "GET /stream and /events, each piece as it is made": async (origin) => {
    assertEquals(await firstPiece(`${origin}/stream?chunks=2&size=3&delay=60000`), "xxx");
    assertEquals(await firstPiece(`${origin}/events?n=2&delay=60000`), FIRST);
  },
  "GET /slow, and the delay of /stream and /events": async (origin) => {
    for (const path of ["/slow?ms=100", "/stream?chunks=3&delay=50", "/events?n=3&delay=50"]) {
      const start = performance.now();
      assertEquals((await ask(`${origin}${path}`)).status, 200);
      assert(performance.now() - start > 95, `${path} takes its time`);
    }
  },
  "GET /upgrade": (origin) =>
    expectEcho(origin, "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo", 101),
  "CONNECT": (origin) => expectEcho(origin, "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443", 200),
  "GET /ws": async (origin) => {
    const socket = new WebSocket(`${origin.replace("http", "ws")}/ws`);
    socket.binaryType = "arraybuffer";
    const data: unknown[] = [];
    socket.onopen = () => [socket.send("text"), socket.send(Uint8Array.of(1, 2, 3))];
    socket.onmessage = (event) => void data.push(event.data);
    await until("both messages", () => data.length === 2);
    socket.close();
    await within("the close", new Promise((resolve) => socket.onclose = resolve));
    assertEquals(data, ["text", Uint8Array.of(1, 2, 3).buffer]);
    await withRaw(origin, async (raw) => {
      await raw.send(handshake({ "Sec-WebSocket-Extensions": "permessage-deflate" }, "GET /ws HTTP/1.1"));
      const { status, fields } = await raw.readHead();
      assertEquals(status, 101);
      assertMatch(field(fields, "sec-websocket-extensions") ?? "", /^permessage-deflate/);
    });
  },
  "GET /stats": async (origin) => {
    const before = JSON.parse(`${(await ask(`${origin}/stats`)).text}`);
    const after = JSON.parse(`${(await ask(`${origin}/stats`)).text}`);
    const names = "clients,pendingRequests,pendingResponses,accepted,refused,requests,errors,rss,heapUsed";
    assertEquals(Object.keys(after).join(","), names);
    assert(Object.values(after).every(Number.isInteger), `numbers: ${JSON.stringify(after)}`);
    assertEquals([after.requests - before.requests, after.clients > 0, after.rss > 1e6], [1, true, true]);
  },
};

Deno.test("the testbed answers over HTTP/1 as TESTBED.md says", async (test) => {
  // some of the clients leave early: their answers would hold the stop up
  await withTestbed(["--port", "0", "--option", "shutdownTimeout=100"], async (origin) => {
    for (const row of ANSWERS) await test.step(row[0], () => checkAnswer(origin, row));
    for (const row of WIRE) await test.step(row[0], () => checkWire(origin, row));
    for (const [name, run] of Object.entries(ROUTES)) await test.step(name, () => run(origin));
  });
});

Deno.test("--option sets a number, a list, true or false, and none; --no-compress leaves /text as it is", async () => {
  const set = ["--option", "bodySizeLimit=3", "--option=allowedMethods=GET,POST", "--option", "http2=false"];
  await withTestbed(["--port=0", "--no-compress", ...set], async (origin) => {
    const post = async (body: string) => (await ask(`${origin}/discard`, { method: "POST", body })).status;
    assertEquals([await post("123"), await post("1234")], [200, 413]);
    assertEquals((await ask(`${origin}/echo`, { method: "PUT" })).status, 405);
    const text = await askRaw(origin, "GET /text", "Accept-Encoding: gzip");
    assertEquals([text.body.length, field(text.fields, "content-encoding")], [65_536, undefined]);
    await withRaw(origin, async (raw) => {
      raw.offer("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      assertMatch(await raw.readToEnd(), /^HTTP\/1\.1 505 /, "the answer to a preface of HTTP/2");
    });
  });
  await withTestbed([...set, "--option", "bodySizeLimit=none", "--port", "0"], async (origin) => {
    assertEquals((await ask(`${origin}/discard`, { method: "POST", body: "1234" })).status, 200);
  });
});

Deno.test("--reuse-port lets two processes share a port", async () => {
  await withTestbed(["--port", "0", "--reuse-port"], async (origin) => {
    await withTestbed(["--port", new URL(origin).port, "--reuse-port"], async (second) => {
      assertEquals([second, (await ask(second)).status], [origin, 200]);
    });
  });
});

testWithTool(openssl && curl, "curl or openssl", "--cert gives TLS, and --unix a socket", async (path) => {
  const folder = await Deno.makeTempDir();
  const [socket, cert, key] = ["socket", "cert", "key"].map((name) => `${folder}/${name}`) as string[];
  async function check(encrypted: boolean, ...args: string[]): Promise<void> {
    const { stdout, stderr } = await runTool(path, ["-q", "-sS", "--noproxy", "*", ...args]);
    const { protocol, ...seen } = JSON.parse(stdout || JSON.stringify(stderr));
    assertEquals([protocol, seen.encrypted], ["HTTP/1.1", encrypted]);
  }
  try {
    const made = await makeCertificate(openssl!);
    await Promise.all([Deno.writeTextFile(cert!, made.cert), Deno.writeTextFile(key!, made.key)]);
    await withProgram(PROGRAM, ["--unix", socket!], async (line) => {
      assertEquals(line, `listening unix:${socket}\n`);
      await check(false, "--unix-socket", socket!, "http://a/inspect");
    });
    await withTestbed(["--port=0", "--unix", socket!, "--cert", cert!, "--key", key!], async (origin) => {
      await check(true, "-k", "--http1.1", `${origin}/inspect`);
      await check(false, "--unix-socket", socket!, "http://a/inspect");
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Wrong command lines, and what is said of them; `PORT` is a port in use. */
const WRONG: readonly (readonly [args: string, said: string])[] = [
  ["", "--port or --unix is needed"],
  ["--port", "--port needs a value"],
  ["--port 0 --odd", "unknown flag: --odd"],
  ["--port 0 stray", "unknown flag: stray"],
  ["--port 65536", '--port is "65536", but must be 0 to 65535'],
  ["--port 0 --option odd=1", "--option odd=1: there is no such option"],
  ["--port 0 --option http2", "--option http2: NAME=VALUE is needed"],
  ["--port 0 --option headerTimeout=0", "--option headerTimeout is "],
  ["--port 0 --cert a", "--cert and --key are given together or not at all"],
  ["--unix a --cert a --key b", "--cert and --key need --port"],
  ["--port 0 --cert /none --key /none", "cannot read /none: "],
  ["--port 0 --cert deno.json --key deno.json", "cannot listen on 127.0.0.1 port 0: "],
  ["--port 0 --hostname 192.0.2.1", "cannot listen on 192.0.2.1 port 0: "], // of nobody (RFC 5737 §3)
  ["--port PORT", "cannot listen on 127.0.0.1 port PORT: "],
];

Deno.test("a wrong command line ends the testbed with 1 and one line of what is wrong", async () => {
  using used = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [script, config] = [PROGRAM, "deno.json"].map((path) => `${ROOT}${path}`);
  const real = (text: string) => text.replace("PORT", `${used.addr.port}`).replaceAll("deno.json", config!);
  for (const [args, said] of WRONG) {
    const all = ["run", "-A", script!, ...real(args).split(" ").filter(Boolean)];
    const { code, stdout, stderr } = await runTool(Deno.execPath(), all);
    assertEquals([code, stdout], [1, ""], args);
    assert(stderr.startsWith(`testbed: ${real(said)}`), stderr);
    assertEquals(stderr.indexOf("\n"), stderr.length - 1, "the end of the first line");
  }
});
