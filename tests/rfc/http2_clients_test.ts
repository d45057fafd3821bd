/** Real HTTP/2 clients against a real port, with and without TLS. A client that is not installed makes its tests ignored. */

import { type Handler, HttpServer, type OptionsInit } from "../../mod.ts";
import { type Certificate, makeCertificate, openssl } from "../attacks/certificates.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { chromium, dumpPage } from "../support/browser.ts";
import { until, within } from "../support/deadline.ts";
import { withTcpServer } from "../support/server.ts";
import { findTool, runTool, testWithTool } from "../support/tools.ts";

const curl = findTool("curl");
const node = findTool("node");
const nghttp = findTool("nghttp");
const h2load = findTool("h2load");

/** What the clients are sent to. */
const handler: Handler = async (request, exchange) => {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/echo":
      return new Response(request.body);
    case "/refuse":
      return new Response("not read", { status: 403 });
    case "/trailers":
      exchange.setTrailers({ "x-checksum": "42" });
      return new Response("with trailers");
    case "/hints":
      exchange.inform(103, { link: "</style.css>; rel=preload; as=style" });
      return new Response("hinted");
    case "/large":
      return new Response(new Uint8Array(3_000_000));
    case "/push":
      exchange.push("/pushed.css");
      return new Response("pushing");
    case "/pushed.css":
      return new Response("p { color: red }", { headers: { "content-type": "text/css" } });
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

/** Runs a test against a server with TLS on a free port. */
async function withTlsServer(
  options: OptionsInit,
  run: (origin: string, certificate: Certificate) => Promise<void>,
): Promise<void> {
  assert(openssl !== null, "openssl is installed");
  const certificate = await makeCertificate(openssl);
  const server = new HttpServer(handler, { log: () => {}, ...options });
  const { cert, key } = certificate;
  const { addr } = server.listen({ hostname: "127.0.0.1", port: 0, cert, key });
  assert(addr.transport === "tcp", "the listener has a port");
  try {
    await run(`https://127.0.0.1:${addr.port}`, certificate);
  } finally {
    await within("the server's stop", server.stop(1_000));
    assertEquals(server.clients.size, 0, "clients left after stop()");
  }
}

const quiet = ["-q", "-sS", "--noproxy", "*", "--max-time", "15"];

testWithTool(
  curl,
  "curl",
  "curl --http2-prior-knowledge uploads, downloads, and asks for a head (RFC 9113 §3.3)",
  async (path) => {
    await withTcpServer(handler, {}, async ({ origin }) => {
      const run = async (...args: string[]) => {
        const { code, stdout, stderr } = await runTool(path, [...quiet, "--http2-prior-knowledge", ...args]);
        assertEquals(code, 0, stderr);
        return stdout;
      };
      assertMatch(
        await run("-d", "x".repeat(100_000), `${origin}/a`),
        /^\[\d+,"POST","HTTP\/2",100000\]$/,
        "POST",
      );
      assertEquals((await run(`${origin}/large`)).length, 3_000_000);
      assertMatch(await run("-I", `${origin}/large`), /^HTTP\/2 200 .*content-length: 3000000/s, "HEAD");
    });
  },
);

testWithTool(
  openssl === null ? null : curl,
  "curl or openssl",
  "curl --http2 reuses one connection for several requests (RFC 9113 §9.1)",
  async (path) => {
    await withTlsServer({}, async (origin) => {
      const urls = ["a", "b", "c"].map((name) => `${origin}/${name}`);
      const { code, stdout, stderr } = await runTool(path, [...quiet, "-k", "--http2", ...urls]);
      assertEquals(code, 0, stderr);
      assertMatch(stdout, /^\[(\d+),"GET","HTTP\/2",0\]\[\1,"GET","HTTP\/2",0\]\[\1,/, "the output");
    });
  },
);

testWithTool(
  curl,
  "curl",
  "curl reads the answer to an upload that is refused before its end (RFC 9113 §8.1)",
  async (path) => {
    await withTcpServer(handler, {}, async ({ origin }) => {
      const file = await Deno.makeTempFile();
      try {
        await Deno.writeFile(file, new Uint8Array(5_000_000));
        const { stdout } = await runTool(path, [
          ...[...quiet, "--http2-prior-knowledge", "-T", file, `${origin}/refuse`],
        ]);
        assertEquals(stdout, "not read");
      } finally {
        await Deno.remove(file);
      }
    });
  },
);

testWithTool(
  curl,
  "curl",
  "curl --http2 upgrades from HTTP/1.1 where the option allows it, and else does not (RFC 9113 §3.1)",
  async (path) => {
    for (const [http2Upgrade, version] of [[true, "2"], [false, "1.1"]] as const) {
      await withTcpServer(handler, { http2Upgrade }, async ({ origin }) => {
        const { code, stdout, stderr } = await runTool(path, [
          ...[...quiet, "--http2", "-d", "hello", "-w", " %{http_version}", `${origin}/echo`],
        ]);
        assertEquals(code, 0, stderr);
        assertEquals(stdout, `hello ${version}`);
      });
    }
  },
);

testWithTool(
  curl,
  "curl",
  "curl --http2 gets HTTP/2 by ALPN, and HTTP/1.1 where http2 is false (RFC 9113 §3.2)",
  async (path) => {
    for (const [http2, version] of [[true, "2"], ["only", "2"], [false, "1.1"]] as const) {
      await withTlsServer({ http2 }, async (origin) => {
        const { code, stdout, stderr } = await runTool(path, [
          ...[...quiet, "-k", "--http2", "-d", "hello", "-w", " %{http_version}", `${origin}/echo`],
        ]);
        assertEquals(code, 0, stderr);
        assertEquals(stdout, `hello ${version}`);
      });
    }
  },
);

testWithTool(nghttp, "nghttp", "nghttp is pushed what was promised (RFC 9113 §8.4)", async (path) => {
  await withTcpServer(handler, {}, async ({ origin }) => {
    const { code, stdout, stderr } = await runTool(path, ["-nv", `${origin}/push`]);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /recv PUSH_PROMISE frame .*\n.*END_HEADERS\n.*promised_stream_id=2/, "the log");
    assertMatch(stdout, /recv \(stream_id=2\) content-type: text\/css/, "the log");
    assertMatch(stdout, /link: <\/pushed\.css>; rel=preload/, "the log");
  });
});

testWithTool(
  nghttp,
  "nghttp",
  "nghttp -u upgrades, with a body, and goes on with streams (RFC 9113 §3.1)",
  async (path) => {
    await withTcpServer(handler, { http2Upgrade: true }, async ({ origin }) => {
      const file = await Deno.makeTempFile();
      try {
        await Deno.writeTextFile(file, "y".repeat(50_000));
        const { code, stdout, stderr } = await runTool(path, [
          ...["-u", "-d", file, `${origin}/echo`, `${origin}/a`, `${origin}/b`],
        ]);
        assertEquals(code, 0, stderr);
        assertEquals(stdout.match(/y/g)?.length, 50_000);
        assertEquals(stdout.match(/"HTTP\/2"/g)?.length, 2, stdout.slice(-200));
      } finally {
        await Deno.remove(file);
      }
    });
  },
);

testWithTool(nghttp, "nghttp", "nghttp sees an early hint and trailers (RFC 9113 §8.1)", async (path) => {
  await withTcpServer(handler, {}, async ({ origin }) => {
    const { code, stdout, stderr } = await runTool(path, ["-nv", `${origin}/hints`, `${origin}/trailers`]);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /:status: 103\n(?:.*\n)*.*:status: 200/, "the log");
    assertMatch(stdout, /x-checksum: 42\n.*recv HEADERS.*\n.*END_STREAM \| END_HEADERS/, "the log");
  });
});

testWithTool(
  h2load,
  "h2load",
  "h2load has 100 000 requests over 100 connections answered, and none is left (RFC 9113 §5.1.2)",
  async (path) => {
    await withTcpServer(handler, { connectionsPerIpLimit: 100 }, async ({ origin, server }) => {
      const args = ["-n", "100000", "-c", "100", "-m", "32", `${origin}/pushed.css`];
      const { code, stdout, stderr } = await runTool(path, args, 60_000);
      assertEquals(code, 0, stderr);
      assertMatch(stdout, /100000 succeeded, 0 failed, 0 errored, 0 timeout/, "what it says");
      assertEquals(server.stats.requests, 100_000);
      await until("all connections to close", () => server.clients.size === 0);
    });
  },
);

/** A program for `node -e`: what Node's own client makes of the server. */
const nodeProgram = `
const http2 = require("node:http2");
const [, origin] = process.argv;
const session = http2.connect(origin);
const pushed = [];
session.on("stream", (stream, headers) => { pushed.push(headers[":path"]); stream.resume(); });
function ask(path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = session.request({ ":path": path, ":method": body === undefined ? "GET" : "POST", ...headers });
    const answer = { text: "", status: 0, trailers: {}, hints: [] };
    request.setEncoding("utf8");
    request.on("headers", (fields) => answer.hints.push(fields[":status"]));
    request.on("response", (fields) => answer.status = fields[":status"]);
    request.on("trailers", (fields) => answer.trailers = { ...fields });
    request.on("data", (piece) => answer.text += piece);
    request.on("end", () => resolve(answer));
    request.on("error", reject);
    request.end(body);
  });
}
(async () => {
  const large = "z".repeat(400_000);
  const echoes = await Promise.all(Array.from({ length: 20 }, () => ask("/echo", large)));
  const trailers = await ask("/trailers");
  const hints = await ask("/hints");
  await ask("/push");
  const downloads = await Promise.all(Array.from({ length: 10 }, () => ask("/large")));
  console.log(JSON.stringify({
    echoes: echoes.filter(({ text }) => text === large).length,
    downloads: downloads.filter(({ text }) => text.length === 3_000_000).length,
    trailers: trailers.trailers["x-checksum"], hints: hints.hints, pushed,
  }));
  session.close();
})();
`;

testWithTool(
  node,
  "node",
  "node:http2 uploads, downloads, and takes trailers, hints and pushes (RFC 9113 §8)",
  async (path) => {
    await withTcpServer(handler, {}, async ({ origin }) => {
      const { code, stdout, stderr } = await runTool(path, ["-e", nodeProgram, origin], 40_000);
      assertEquals(code, 0, stderr);
      const expected = { echoes: 20, downloads: 10, trailers: "42", hints: [103], pushed: ["/pushed.css"] };
      assertEquals(JSON.parse(stdout), expected);
    });
  },
);

testWithTool(
  openssl,
  "openssl",
  "fetch over TLS speaks HTTP/2, fifty requests at a time (RFC 9113 §3.2)",
  async () => {
    await withTlsServer({}, async (origin, { authority }) => {
      const client = Deno.createHttpClient({ caCerts: [authority] });
      try {
        const asked = Array.from({ length: 50 }, async (_, index) => {
          const body = "x".repeat(index * 1000);
          const response = await fetch(`${origin}/echo`, { method: "POST", body, client });
          assertEquals((await response.text()).length, body.length);
        });
        await Promise.all(asked);
        const [, , protocol] = await (await fetch(`${origin}/other`, { client })).json();
        assertEquals(protocol, "HTTP/2");
        assertEquals((await (await fetch(`${origin}/large`, { client })).bytes()).length, 3_000_000);
      } finally {
        client.close();
      }
    });
  },
);

testWithTool(
  openssl === null ? null : chromium,
  "chromium or openssl",
  "chromium loads a page, its script, and posts, over TLS (RFC 9113 §3.2)",
  async (path) => {
    await withTlsServer({ http2: "only" }, async (origin) => {
      const { stdout, stderr } = await dumpPage(path, `${origin}/page`, "--no-proxy-server");
      assertMatch(stdout, /answered: from the browser/, `the page (${stderr.slice(-500)})`);
    });
  },
);
