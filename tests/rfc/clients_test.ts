/** Real clients against a real port. A client that is not installed makes its tests ignored, with the reason. */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals, assertLacks, assertMatch } from "../support/assert.ts";
import { chromium, dumpPage } from "../support/browser.ts";
import { until, within } from "../support/deadline.ts";
import { withTcpServer } from "../support/server.ts";
import { findTool, type Ran, runTool, testWithTool } from "../support/tools.ts";

const curl = findTool("curl");
const node = findTool("node");

/** What the clients are sent to. */
const handler: Handler = async (request, exchange) => {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/echo":
      return new Response(request.body);
    case "/early":
      return new Response("not read", { status: 403 });
    case "/trailers":
      exchange.setTrailers({ "x-checksum": "42" });
      return new Response("with trailers");
    case "/stream":
      return new Response(ReadableStream.from(Array(10).fill(new TextEncoder().encode("0123456789"))));
    case "/hints":
      exchange.inform(103, { link: "</style.css>; rel=preload; as=style" });
      return new Response("hinted");
    case "/large":
      return new Response(new Uint8Array(3_000_000));
    case "/page":
      return new Response(`<!doctype html><title>t</title><p id=a>no script<script src=script.js></script>`, {
        headers: { "content-type": "text/html" },
      });
    case "/script.js":
      return new Response(
        `fetch("echo", { method: "POST", body: "from the browser" })
          .then((r) => r.text()).then((t) => document.getElementById("a").textContent = "answered: " + t)`,
        { headers: { "content-type": "text/javascript" } },
      );
    default:
      return Response.json([
        exchange.client.id,
        request.method,
        exchange.protocol,
        (await request.bytes()).length,
      ]);
  }
};

function testCurl(
  name: string,
  run: (curl: (...args: string[]) => Promise<Ran>, origin: string) => Promise<void>,
): void {
  testWithTool(curl, "curl", `curl ${name}`, async (path) => {
    await withTcpServer(handler, {}, async ({ origin }) => {
      await run(
        (...args) => runTool(path, ["-q", "-sS", "--noproxy", "*", "--max-time", "15", ...args]),
        origin,
      );
    });
  });
}

testCurl("reuses one connection for several requests (RFC 9112 §9.3)", async (curl, origin) => {
  const { code, stdout, stderr } = await curl("-v", `${origin}/a`, `${origin}/b`, `${origin}/c`);
  assertEquals(code, 0, stderr);
  const ids = stdout.match(/\[\d+/g) ?? [];
  assertEquals(ids.length, 3);
  assertEquals(new Set(ids).size, 1);
});

testCurl("uploads a file of known length (RFC 9112 §6.2)", async (curl, origin) => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, new Uint8Array(2_000_000));
    const { code, stdout, stderr } = await curl("-T", file, `${origin}/upload`);
    assertEquals(code, 0, stderr);
    assertEquals(JSON.parse(stdout).slice(1), ["PUT", "HTTP/1.1", 2_000_000]);
  } finally {
    await Deno.remove(file);
  }
});

testCurl("uploads in chunks (RFC 9112 §7.1)", async (curl, origin) => {
  const { code, stdout, stderr } = await curl(
    "-H",
    "Transfer-Encoding: chunked",
    "-d",
    "x".repeat(50_000),
    `${origin}/u`,
  );
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout).slice(1), ["POST", "HTTP/1.1", 50_000]);
});

testCurl("gets its 100 without waiting for its own timeout (RFC 9110 §10.1.1)", async (curl, origin) => {
  const args = [
    "-v",
    "--expect100-timeout",
    "10",
    "-H",
    "Expect: 100-continue",
    "-d",
    "hello",
    "--max-time",
    "8",
  ];
  const { code, stdout, stderr } = await curl(...args, `${origin}/echo`);
  assertEquals(code, 0, stderr);
  assertEquals(stdout, "hello");
  assertMatch(stderr, /^< HTTP\/1\.1 100 /m, "the log");
});

testCurl("gets a final answer in place of 100 (RFC 9110 §10.1.1)", async (curl, origin) => {
  const args = [
    "-v",
    "--expect100-timeout",
    "10",
    "-H",
    "Expect: 100-continue",
    "-d",
    "x".repeat(5000),
    "--max-time",
    "8",
  ];
  const { code, stdout, stderr } = await curl(...args, `${origin}/early`, `${origin}/early`);
  assertEquals(code, 0, stderr);
  assertEquals(stdout, "not readnot read");
  assert(!/^< HTTP\/1\.1 100 /m.test(stderr), "100 was sent");
});

testCurl("speaks HTTP/1.0 (RFC 9112 §9.3)", async (curl, origin) => {
  const { code, stdout, stderr } = await curl("--http1.0", "-v", `${origin}/stream`, `${origin}/x`);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^(0123456789){10}\[\d+,"GET","HTTP\/1\.0",0\]$/, "the output");
  assertLacks(stderr.toLowerCase(), "transfer-encoding", "the log");
});

testCurl("gets the head alone with -I (RFC 9110 §9.3.2)", async (curl, origin) => {
  const { code, stdout, stderr } = await curl("-I", `${origin}/large`, `${origin}/stream`);
  assertEquals(code, 0, stderr);
  assertEquals(stdout.match(/^HTTP\/1\.1 200 /gm)?.length, 2);
});

testCurl("sees trailers on the wire (RFC 9112 §7.1.2)", async (curl, origin) => {
  const { code, stdout, stderr } = await curl("-v", "--raw", `${origin}/trailers`);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^d\r\nwith trailers\r\n0\r\nx-checksum: 42\r\n\r\n$/i, "the raw body");
});

testCurl("gets an early hint (RFC 9110 §15.2)", async (curl, origin) => {
  const { code, stdout, stderr } = await curl("-v", `${origin}/hints`);
  assertEquals(code, 0, stderr);
  assertEquals(stdout, "hinted");
  assertMatch(stderr, /^< HTTP\/1\.1 103 /m, "the log");
});

testCurl("is refused by no framing of a large download (RFC 9112 §6.2)", async (curl, origin) => {
  const { code, stdout, stderr } = await curl(
    "-o",
    "/dev/null",
    "-w",
    "%{size_download} %{http_code}",
    `${origin}/large`,
  );
  assertEquals(code, 0, stderr);
  assertEquals(stdout, "3000000 200");
});

/** A program for `node -e`: twenty requests over a keep-alive Agent, then what it saw. */
const nodeProgram = `
const http = require("node:http");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const [, origin] = process.argv;
function ask(path, method, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(origin + path, { agent, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => text += piece);
      response.on("end", () => resolve({ text, status: response.statusCode, trailers: response.trailers }));
      response.on("error", reject);
    });
    request.on("continue", () => request.end(body));
    request.on("error", reject);
    if (headers.expect) request.flushHeaders();
    else request.end(body);
  });
}
(async () => {
  const ids = new Set();
  for (let i = 0; i < 10; i++) ids.add(JSON.parse((await ask("/" + i, "GET")).text)[0]);
  for (let i = 0; i < 10; i++) ids.add(JSON.parse((await ask("/" + i, "POST", "x".repeat(i * 1000))).text)[0]);
  const echo = await ask("/echo", "POST", "hello", { expect: "100-continue", "transfer-encoding": "chunked" });
  const head = await ask("/large", "HEAD");
  const trailers = await ask("/trailers", "GET");
  const late = await ask("/late", "GET");
  ids.add(JSON.parse(late.text)[0]);
  console.log(JSON.stringify({ connections: ids.size, echo: echo.text, head: head.status, trailers: trailers.trailers }));
  agent.destroy();
})();
`;

testWithTool(
  node,
  "node",
  "node:http with a keep-alive Agent uses one connection throughout (RFC 9112 §9.3)",
  async (path) => {
    await withTcpServer(handler, {}, async ({ origin }) => {
      const { code, stdout, stderr } = await runTool(path, ["-e", nodeProgram, origin]);
      assertEquals(code, 0, stderr);
      const expected = { connections: 1, echo: "hello", head: 200, trailers: { "x-checksum": "42" } };
      assertEquals(JSON.parse(stdout), expected);
    });
  },
);

Deno.test("fetch reads, uploads and streams, fifty at a time (RFC 9112 §9.3)", async () => {
  await withTcpServer(handler, {}, async ({ origin }) => {
    const client = Deno.createHttpClient({});
    const asked = Array.from({ length: 50 }, async (_, index) => {
      const body = "x".repeat(index * 100);
      const response = await fetch(`${origin}/echo`, { method: "POST", body, client });
      assertEquals(await response.text(), body);
      assertEquals(await (await fetch(`${origin}/stream`, { client })).text(), "0123456789".repeat(10));
    });
    await Promise.all(asked);
    const stream = ReadableStream.from(["a", "b", "c"].map((text) => new TextEncoder().encode(text)));
    assertEquals(
      await (await fetch(`${origin}/echo`, { method: "POST", body: stream, client })).text(),
      "abc",
    );
    assertEquals((await (await fetch(`${origin}/large`, { client })).bytes()).length, 3_000_000);
    client.close();
  });
});

Deno.test("fetch that is aborted aborts the handler's request (RFC 9112 §9.6)", async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const hanging: Handler = async (request) => {
    await new Promise((abort) => request.signal.addEventListener("abort", abort));
    resolve(request.signal.aborted);
    return new Response();
  };
  await withTcpServer(hanging, { streamTimeout: 1000 }, async ({ origin, server }) => {
    const controller = new AbortController();
    const asked = fetch(origin, { signal: controller.signal }).then(
      () => "answered",
      (error: Error) => error.name,
    );
    await until("the handler's start", () => server.stats.runningHandlers > 0);
    controller.abort();
    assertEquals(await asked, "AbortError");
    // a FIN alone is no cancel (§9.6): the server learns of it by an informational response, which is answered with a reset
    assertEquals(await within("the abort", promise, 3_000), true);
    await until("the client's end", () => server.clients.size === 0);
  });
});

testWithTool(
  chromium,
  "chromium",
  "chromium loads a page, its script, and posts (RFC 9112 §9.3)",
  async (path) => {
    await withTcpServer(handler, {}, async ({ origin }) => {
      const { stdout, stderr } = await dumpPage(path, `${origin}/page`, "--no-proxy-server");
      assertMatch(stdout, /answered: from the browser/, `the page (${stderr.slice(-500)})`);
    });
  },
);
