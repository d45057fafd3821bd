/** What a person sees of an exchange, of a client, and of an error that is logged. */

import { type Client, type Exchange, type Handler, HttpServer } from "../mod.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { withHttp2 } from "./support/http2_client.ts";
import { withServer, withTcpServer } from "./support/server.ts";

const get = "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n";

/** What `console.log` shows, without colors. */
function shown(value: unknown): string {
  return Deno.inspect(value, { colors: false });
}

function assertShort(text: string): void {
  assert(text.split("\n").length < 10, `under ten lines:\n${text}`);
}

/** Keeps the exchange of one request over TCP, and gives it to a test while the handler runs. */
async function withExchange(
  request: string,
  look: (exchange: Exchange, port: number) => void,
): Promise<void> {
  const handler: Handler = (_request, exchange) => {
    look(exchange, exchange.client.remotePort ?? 0);
    return new Response("Hello");
  };
  await withTcpServer(handler, {}, async ({ connect }) => {
    assertEquals((await (await connect()).request(request)).text, "Hello");
  });
}

Deno.test("console.log(exchange) shows the request, its version, its peer, and whether it is over", async () => {
  let kept: Exchange | undefined;
  await withExchange(get, (exchange, port) => {
    kept = exchange;
    const text = shown(exchange);
    assertShort(text);
    for (const part of ['request: "GET /a?b"', '"HTTP/1.1"', `peer: "127.0.0.1:${port}"`, "isOver: false"]) {
      assert(text.includes(part), text);
    }
    assert(text.startsWith("Exchange {") && text.includes("body: null"), text);
  });
  assert(shown(kept).includes("isOver: true"), shown(kept));
});

Deno.test("console.log(exchange) shows what has come of the body", async () => {
  const texts: string[] = [];
  const handler: Handler = async (request, exchange) => {
    texts.push(shown(exchange));
    await request.text();
    texts.push(shown(exchange));
    return new Response();
  };
  await withServer(handler, { bodySizeLimit: 77 }, async ({ connect }) => {
    const raw = connect();
    await raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na");
    while (texts.length === 0) await null;
    await raw.send("b");
    await raw.readResponse();
  });
  assertEquals(texts.map((text) => /body: "(.*)"/.exec(text)?.[1]), ["not received", "received"]);
  for (const text of texts) assert(text.includes("bodySizeLimit: 77"), text);
});

Deno.test("console.log(client) shows both ends, the state, and what waits", async () => {
  let kept: Client | undefined;
  await withExchange(get, ({ client }, port) => {
    kept = client;
    const text = shown(client);
    assertShort(text);
    assert(text.startsWith("Client {"), text);
    const parts = [`id: ${client.id}`, `peer: "127.0.0.1:${port}"`, `local: "127.0.0.1:${client.localPort}"`];
    for (const part of [...parts, "tls: null", 'state: "open"', "pendingResponseCount: 1"]) {
      assert(text.includes(part), text);
    }
  });
  assert(shown(kept).includes('state: "closed"'), shown(kept));
});

Deno.test("console.log() shows an HTTP/2 exchange, and one on a unix socket", async () => {
  const texts: string[] = [];
  const handler: Handler = (_request, exchange) => {
    texts.push(shown(exchange), shown(exchange.client));
    return new Response();
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    await client.response(client.request());
  });
  const path = await Deno.makeTempFile();
  await Deno.remove(path); // the server makes it anew, and removes it in the end
  await using server = new HttpServer(handler);
  server.listen({ path });
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
  while (texts.length < 4) await connection.read(new Uint8Array(1000));
  assert(texts[0]?.includes('protocol: "HTTP/2"') === true, texts[0] ?? "");
  assert(texts[2]?.includes('peer: "a unix socket"') === true, texts[2] ?? "");
  assert(texts[3]?.includes(`local: ${JSON.stringify(path)}`) === true, texts[3] ?? "");
  texts.forEach(assertShort);
});

// The default log

/** The arguments of each call of `console.error` while a test runs. */
async function logged(run: () => Promise<void>): Promise<unknown[][]> {
  const { error } = console;
  const calls: unknown[][] = [];
  console.error = (...entry: unknown[]) => void calls.push(entry);
  try {
    await run();
  } finally {
    console.error = error;
  }
  return calls;
}

Deno.test("the default log says method, target and peer of the request, over both versions", async () => {
  const bug = new Error("a bug");
  const handler: Handler = () => Promise.reject(bug);
  const calls = await logged(async () => {
    await withServer(handler, { log: undefined }, async ({ connect }) => {
      await connect().request(get);
    });
    await withHttp2(handler, { log: undefined }, async ({ connect }) => {
      const client = connect();
      await client.response(client.request({ method: "POST", path: "/c" }));
    });
  });
  assertEquals(calls.map(([prefix, error]) => [/^(.*) from \S+:\d+:$/.exec(`${prefix}`)?.[1], error]), [
    ["GET /a?b", bug],
    ["POST /c", bug],
  ]);
});

Deno.test("the default log has nothing before an error that belongs to no request", async () => {
  const calls = await logged(async () => {
    await withServer(() => new Response(), { log: undefined }, async ({ connect }) => {
      const raw = connect();
      raw.client.onClose(() => {
        throw new Error("of the callback");
      });
      await raw.request(get);
    });
  });
  assertEquals(calls.map((entry) => entry.map(String)), [["Error: of the callback"]]);
});
