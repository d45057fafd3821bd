/** RFC 9113 §8.2.2: fields of a connection that a handler, or an upstream behind it, says, and that must not go out. */

import { type Handler, Response } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { latin1 } from "../support/bytes.ts";
import { within } from "../support/deadline.ts";
import type { Http2Head } from "../support/http2_client.ts";
import { withHttp2Tcp } from "../support/http2_tcp.ts";
import { withTcpServer } from "../support/server.ts";
import { findTool, runTool, testWithTool } from "../support/tools.ts";

/** Fields that HTTP/2 has no place for, and `x-hop`, which `connection` names. */
const HOP_BY_HOP = {
  "connection": "keep-alive, X-Hop",
  "http2-settings": "AAMAAABk",
  "keep-alive": "timeout=5",
  "proxy-connection": "keep-alive",
  "te": "trailers, deflate",
  "transfer-encoding": "chunked",
  "upgrade": "h2c",
  "x-hop": "1",
};

/** The names of a head's fields that are the handler's. */
function namesOf(head: Http2Head | null): string[] {
  assert(head !== null, "there is a head");
  return head.fields.map(([name]) => name).filter((name) => name !== "date" && name !== "content-length");
}

for (const [kind, made] of [["Drover's", Response], ["the web's", globalThis.Response]] as const) {
  for (const body of ["text", "stream"] as const) {
    Deno.test(`fields of a connection on ${kind} Response of a ${body} are not sent (RFC 9113 §8.2.2)`, async () => {
      const content = () => body === "text" ? "hello" : new Blob(["hello"]).stream();
      const handler: Handler = () => new made(content(), { headers: { ...HOP_BY_HOP, "x-kept": "1" } });
      await withHttp2Tcp(handler, {}, async ({ connect }) => {
        const client = await connect();
        const response = await client.response(client.request());
        assertEquals(response.text, "hello");
        assertEquals(namesOf(response.head).filter((name) => name !== "content-type"), ["x-kept"]);
      });
    });
  }
}

Deno.test("inform() does not send fields of a connection (RFC 9113 §8.2.2)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.inform(103, { ...HOP_BY_HOP, "link": "</a.css>; rel=preload" });
    return new Response(null);
  };
  await withHttp2Tcp(handler, {}, async ({ connect }) => {
    const client = await connect();
    const { interim } = await client.response(client.request());
    assertEquals(namesOf(interim[0] ?? null), ["link"]);
  });
});

Deno.test("fields of a connection in a trailer section are not sent (RFC 9113 §8.2.2)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.setTrailers(() => ({ "te": "trailers", "keep-alive": "timeout=5", "x-sum": "42" }));
    return new Response("hello");
  };
  await withHttp2Tcp(handler, {}, async ({ connect }) => {
    const client = await connect();
    const { trailers } = await client.response(client.request());
    assertEquals(trailers, [["x-sum", "42"]]);
  });
});

/** Runs a test with an upstream that answers each connection with these bytes. */
async function withUpstream(answer: string, run: (origin: string) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4096));
      await connection.write(latin1(answer));
      connection.close();
    }
  })();
  try {
    await run(`http://127.0.0.1:${port}/`);
  } finally {
    listener.close();
    await within("the end of the upstream", serving);
  }
}

const UPSTREAM = "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nTE: trailers\r\nKeep-Alive: timeout=5\r\n" +
  "Proxy-Connection: close\r\nX-Hop: 1\r\nX-Kept: 1\r\nContent-Length: 5\r\n\r\nhello";

testWithTool(
  findTool("curl"),
  "curl",
  "curl takes a proxied answer whose upstream said fields of its connection (RFC 9113 §8.2.2)",
  async (path) => {
    await withUpstream(UPSTREAM, async (upstream) => {
      const proxy: Handler = () => fetch(upstream);
      await withTcpServer(proxy, {}, async ({ origin }) => {
        const args = [
          "-q",
          "-sS",
          "-i",
          "--noproxy",
          "*",
          "--max-time",
          "10",
          "--http2-prior-knowledge",
          origin,
        ];
        const { code, stdout, stderr } = await runTool(path, args);
        assertEquals(code, 0, stderr);
        const lines = stdout.split("\r\n").filter((line) => !line.startsWith("date:"));
        assertEquals(lines.map((line) => line.trim()), [
          "HTTP/2 200",
          "x-kept: 1",
          "content-length: 5",
          "",
          "hello",
        ]);
      });
    });
  },
);
