/** Sockets of clients that are not Deno's: Node's, and a browser's over HTTP/1.1 and HTTP/2. */

import { type Handler, HttpServer, type OptionsInit } from "../../mod.ts";
import { upgradeWebSocket } from "../../websocket/mod.ts";
import { makeCertificate, openssl } from "../attacks/certificates.ts";
import { assertEquals } from "../support/assert.ts";
import { chromium, whileOpen } from "../support/browser.ts";
import { within } from "../support/deadline.ts";
import { findTool, runTool, testWithTool } from "../support/tools.ts";

/** What a client does with the echo at `url`; it gives what it has seen to `tell`. */
const script = `
  const seen = [];
  const socket = new WebSocket(url, ["other", "echo"]);
  socket.binaryType = "arraybuffer";
  const large = "compress me ".repeat(20000);
  const next = () => new Promise((resolve) => socket.onmessage = ({ data }) => resolve(data));
  socket.onerror = () => tell(["error"]);
  socket.onclose = ({ code, reason, wasClean }) => tell([...seen, code, reason, wasClean]);
  socket.onopen = async () => {
    seen.push(socket.protocol, socket.extensions.split(";")[0]);
    for (const message of ["hello", "", large, new Uint8Array(70000).fill(7)]) {
      socket.send(message);
      const answer = await next();
      seen.push(typeof answer === "string" ? answer === message : new Uint8Array(answer).length);
    }
    socket.close(4000, "enough");
  };
`;

const expected = ["echo", "permessage-deflate", true, true, true, 70_000, 4000, "enough", true];

interface Harness {
  readonly origin: string;
  /** What the page of `/page` tells. */
  readonly told: Promise<unknown>;
}

/** Runs a test with an echo, which serves a page for browsers too; it gives the protocols that sockets came over. */
async function withEcho(
  { options = {}, encrypted }: { readonly options?: OptionsInit; readonly encrypted: boolean },
  run: (harness: Harness) => Promise<void>,
): Promise<string[]> {
  const protocols: string[] = [];
  const told = Promise.withResolvers<unknown>();
  const handler: Handler = async (request, exchange) => {
    if (exchange.target === "/told") told.resolve(await request.json());
    if (exchange.target === "/page") {
      const tell = `const tell = (seen) => fetch("/told", { method: "POST", body: JSON.stringify(seen) });`;
      const page = `<!doctype html><body><script>const url = "/socket";${tell}${script}</script>`;
      return new Response(page, { headers: { "content-type": "text/html" } });
    }
    if (exchange.target !== "/socket") return new Response(null, { status: 204 });
    const { socket, response } = upgradeWebSocket(request, { protocol: "echo" });
    protocols.push(`${exchange.protocol} ${exchange.extendedProtocol ?? request.method}`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  };
  const server = new HttpServer(handler, { log: () => {}, ...options });
  const { cert, key } = encrypted ? await makeCertificate(openssl!) : {};
  const secret = cert && { cert, key };
  const { port } = server.listen({ hostname: "127.0.0.1", port: 0, ...secret }).addr as Deno.NetAddr;
  try {
    await run({ origin: `http${encrypted ? "s" : ""}://127.0.0.1:${port}`, told: told.promise });
  } finally {
    await within("the stop", server.stop(500));
    assertEquals(server.clients.size, 0);
  }
  return protocols;
}

testWithTool(findTool("node"), "node", "Node's WebSocket (RFC 6455 §1.2)", async (path) => {
  const protocols = await withEcho({ encrypted: false }, async ({ origin }) => {
    const program = `
      const url = process.argv[1];
      const tell = (seen) => console.log(JSON.stringify(seen));
      ${script}`;
    const url = origin.replace("http", "ws") + "/socket";
    const { stdout, stderr } = await runTool(path, ["--experimental-websocket", "-e", program, url]);
    assertEquals(JSON.parse(stdout), expected, stderr);
  });
  assertEquals(protocols, ["HTTP/1.1 GET"]);
});

for (
  const [over, settings, protocol] of [
    ["HTTP/1.1", { encrypted: false }, "HTTP/1.1 GET"],
    ["HTTP/1.1 and TLS", { encrypted: true, options: { http2: false } }, "HTTP/1.1 GET"],
    ["HTTP/2 by extended CONNECT", {
      encrypted: true,
      options: { extendedConnect: true },
    }, "HTTP/2 websocket"],
  ] as const
) {
  testWithTool(
    openssl === null ? null : chromium,
    "chromium or openssl",
    `chromium's WebSocket over ${over} (RFC 6455 §1.2, RFC 8441 §5)`,
    async (path) => {
      const protocols = await withEcho(settings, async ({ origin, told }) => {
        assertEquals(await whileOpen(path, `${origin}/page`, told), expected);
      });
      assertEquals(protocols, [protocol]);
    },
  );
}
