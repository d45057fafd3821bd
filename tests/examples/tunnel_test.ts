/** `examples/tunnel.ts` as a proxy for curl and a browser. */

import type { Handler } from "../../mod.ts";
import { HttpServer } from "../../mod.ts";
import { makeCertificate, openssl } from "../attacks/certificates.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { chromium, dumpPage } from "../support/browser.ts";
import { withProgram } from "../support/program.ts";
import { findTool, runTool, testWithTool } from "../support/tools.ts";

const curl = openssl === null ? null : findTool("curl");

const page: Handler = async (request, exchange) => {
  const text = `<p>${request.method} ${exchange.protocol} ${(await request.bytes()).length}</p>`;
  return new Response(text, { headers: { "content-type": "text/html" } });
};

/** Runs a test with the proxy, and a server with and one without TLS behind it. */
async function withProxy(
  run: (proxy: string, plain: number, encrypted: number) => Promise<void>,
): Promise<void> {
  const { cert, key } = await makeCertificate(openssl!);
  await using server = new HttpServer(page);
  const plain = server.listen({ hostname: "127.0.0.1", port: 0 }).addr as Deno.NetAddr;
  const encrypted = server.listen({ hostname: "127.0.0.1", port: 0, cert, key }).addr as Deno.NetAddr;
  await withProgram("examples/tunnel.ts", ["--port", "0"], async (line) => {
    await run(/(http:\S+)/.exec(line)?.[1] ?? "", plain.port, encrypted.port);
  }, ["--allow-net"]);
}

testWithTool(
  curl,
  "curl or openssl",
  "curl goes through the proxy by CONNECT, over TLS (RFC 9110 §9.3.6)",
  async (path) => {
    await withProxy(async (proxy, _, port) => {
      const { code, stdout, stderr } = await runTool(path, [
        ...["-q", "-sS", "-k", "--noproxy", "", "--max-time", "10", "--proxy", proxy],
        ...["-d", "x".repeat(100_000), `https://127.0.0.1:${port}/`],
      ]);
      assertEquals([code, stdout], [0, "<p>POST HTTP/2 100000</p>"], stderr);
    });
  },
);

testWithTool(
  curl,
  "curl or openssl",
  "curl goes through the proxy without a tunnel (RFC 9112 §3.2.2)",
  async (path) => {
    await withProxy(async (proxy, port) => {
      const { code, stdout, stderr } = await runTool(path, [
        ...["-q", "-sS", "--noproxy", "", "--max-time", "10", "--proxy", proxy],
        `http://127.0.0.1:${port}/`,
      ]);
      assertEquals([code, stdout], [0, "<p>GET HTTP/1.1 0</p>"], stderr);
    });
  },
);

testWithTool(
  curl,
  "curl or openssl",
  "curl is told of a host that cannot be reached (RFC 9110 §15.6.3)",
  async (path) => {
    await withProxy(async (proxy) => {
      const { stderr } = await runTool(path, [
        ...["-q", "-sS", "--noproxy", "", "--max-time", "10", "--proxy", proxy],
        "https://127.0.0.1:1/",
      ]);
      assertMatch(stderr, /502/, "what curl says");
    });
  },
);

testWithTool(
  openssl === null ? null : chromium,
  "chromium or openssl",
  "chromium goes through the proxy by CONNECT (RFC 9110 §9.3.6)",
  async (path) => {
    await withProxy(async (proxy, _, port) => {
      const options = [`--proxy-server=${new URL(proxy).host}`, "--proxy-bypass-list=<-loopback>"];
      const { stdout, stderr } = await dumpPage(path, `https://127.0.0.1:${port}/`, ...options);
      assertMatch(
        stdout,
        /<p>GET HTTP\/2 0<\/p>/,
        `the page (${stdout.slice(0, 300)} ${stderr.slice(-300)})`,
      );
    });
  },
);
