/** `examples/tunnel.ts` as a proxy for curl and a browser. */

import type { Handler } from "../../mod.ts";
import { HttpServer } from "../../mod.ts";
import { makeCertificate, openssl } from "../attacks/certificates.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { fromLatin1, latin1 } from "../support/bytes.ts";
import { chromium, dumpPage } from "../support/browser.ts";
import { pass, steady, turns, until, within } from "../support/deadline.ts";
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

/** A server that takes connections, and never says or ends anything of its own accord. */
class SilentServer implements AsyncDisposable {
  /** How many connections were made, and how many are open. */
  accepted = 0;
  open = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #done = this.#acceptAll();

  get host(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  async #acceptAll(): Promise<void> {
    const watched: Promise<void>[] = [];
    for await (const connection of this.#listener) watched.push(this.#watch(connection));
    await Promise.all(watched);
  }

  async #watch(connection: Deno.TcpConn): Promise<void> {
    this.accepted++;
    this.open++;
    const buffer = new Uint8Array(1024);
    while (await connection.read(buffer).catch(() => null) !== null); // until the proxy has ended it
    connection.close();
    this.open--;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await within("the end of the connections", this.#done);
  }
}

/** How a client leaves: at once, with the head on its way, and behind it. */
const leavings: Readonly<Record<string, (client: Deno.TcpConn) => Promise<unknown>>> = {
  "at once": () => Promise.resolve(),
  "a moment later": () => turns(2),
  "when it has its tunnel": (client) => client.read(new Uint8Array(1024)),
  "when it has sent something": async (client) => {
    await client.read(new Uint8Array(1024));
    await client.write(new Uint8Array(1000));
  },
};

for (const [when, wait] of Object.entries(leavings)) {
  Deno.test(`300 clients that leave the proxy ${when} leave no upstream connection`, async () => {
    await using upstream = new SilentServer();
    await withProgram("examples/tunnel.ts", ["--port", "0"], async (line) => {
      const port = Number(/http:.*:(\d+)/.exec(line)?.[1]);
      await Promise.all(Array.from({ length: 300 }, async () => {
        const client = await Deno.connect({ hostname: "127.0.0.1", port });
        await client.write(latin1(`CONNECT ${upstream.host} HTTP/1.1\r\nHost: ${upstream.host}\r\n\r\n`));
        await wait(client);
        client.close();
      }));
      await steady(() => upstream.accepted, 500); // all that the proxy still makes
      await until("the end of the upstream connections", () => upstream.open === 0);
    }, ["--allow-net"]);
  });
}

Deno.test("a client that ends its side only still gets the answer through the tunnel", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const upstream = (async () => {
    using connection = await listener.accept();
    assertEquals(await readAll(connection), "question");
    await pass(50);
    await connection.write(latin1("answer"));
  })();
  await withProgram("examples/tunnel.ts", ["--port", "0"], async (line) => {
    using client = await Deno.connect({
      hostname: "127.0.0.1",
      port: Number(/http:.*:(\d+)/.exec(line)?.[1]),
    });
    const host = `127.0.0.1:${listener.addr.port}`;
    await client.write(latin1(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\nquestion`));
    await client.closeWrite();
    assertMatch(
      await readAll(client),
      /^HTTP\/1\.1 200 OK\r\n(?:[^\r]+\r\n)*\r\nanswer$/,
      "what the client got",
    );
    await upstream;
  }, ["--allow-net"]);
});

async function readAll(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(1024);
  let all = "";
  for (let count; (count = await within("the end", connection.read(buffer))) !== null;) {
    all += fromLatin1(buffer.subarray(0, count));
  }
  return all;
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
