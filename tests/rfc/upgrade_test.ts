/** `exchange.upgrade()` over HTTP/1: 101 for `Upgrade`, 2xx for CONNECT, and the connection behind them. */

import type { Exchange, Handler, UpgradedConnection } from "../../mod.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { latin1 } from "../support/bytes.ts";
import { pass, steady, until, within } from "../support/deadline.ts";
import { withServer, withTcpServer } from "../support/server.ts";
import { findTool, runTool, testWithTool } from "../support/tools.ts";

const UPGRADE = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo, other\r\n\r\n";
const CONNECT = "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n";

async function echo(connection: UpgradedConnection): Promise<void> {
  await connection.readable.pipeTo(connection.writable);
  connection.close();
}

const echoing: Handler = (_, exchange) => exchange.upgrade(echo);
const any = { allowedMethods: ["GET", "POST", "CONNECT"] };

/** A handler that gives out the connection that it takes over. */
function giving(): { handler: Handler; connection: Promise<UpgradedConnection> } {
  const { promise, resolve } = Promise.withResolvers<UpgradedConnection>();
  return { handler: (_, exchange) => exchange.upgrade(resolve), connection: promise };
}

for (const step of [undefined, 1]) {
  const how = step === undefined ? "whole" : "byte by byte";
  Deno.test(`101 names the protocol, and what follows the head is the connection's, ${how} (RFC 9110 §7.8)`, async () => {
    await withServer(echoing, {}, async ({ connect, server }) => {
      const raw = connect(step === undefined ? {} : { step });
      await raw.send(`${UPGRADE}first `);
      await raw.send("second");
      await raw.end();
      const text = await raw.readToEnd();
      assertMatch(text, /^HTTP\/1\.1 101 Switching Protocols\r\n/, "the status line");
      assertMatch(text, /\r\nconnection: upgrade\r\nupgrade: echo\r\n/, "the fields");
      assertMatch(text, /\r\ndate: [^\r]+\r\n\r\nfirst second$/, "the end");
      await until("the client's end", () => server.clients.size === 0);
    });
  });
}

Deno.test("2xx to CONNECT has neither length nor coding, and then the tunnel's bytes (RFC 9110 §9.3.6)", async () => {
  await withServer(echoing, any, async ({ connect }) => {
    const raw = connect();
    await raw.send(`${CONNECT}through`);
    await raw.end();
    const text = await raw.readToEnd();
    assertMatch(text, /^HTTP\/1\.1 200 OK\r\ndate: [^\r]+\r\n\r\nthrough$/, "all of it");
  });
});

Deno.test("the handler's fields and its protocol are sent with 101 (RFC 9110 §7.8)", async () => {
  const handler: Handler = (_, exchange) =>
    exchange.upgrade(echo, { headers: { upgrade: "other", "x-made-by": "test" } });
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(UPGRADE);
    await raw.end();
    assertMatch(await raw.readToEnd(), /\r\nupgrade: other\r\nx-made-by: test\r\n/, "the fields");
  });
});

/** Requests that cannot be taken over, and why. */
const REFUSED: readonly (readonly [name: string, request: string])[] = [
  ["has no Upgrade", "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n"],
  ["has no Connection: upgrade", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\n\r\n"],
  ["is of HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"],
  [
    "has a body that was not read",
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\nContent-Length: 5\r\n\r\nhe",
  ],
];

for (const [name, request] of REFUSED) {
  Deno.test(`upgrade() of a request that ${name} throws (RFC 9110 §7.8)`, async () => {
    await withServer(echoing, {}, async ({ connect, log }) => {
      const raw = connect();
      assertEquals((await raw.request(request)).status, 500);
      assert(log[0]?.[0] instanceof TypeError, `${log[0]?.[0]}`);
    });
  });
}

Deno.test("an error in place of the upgrade is sent, and the connection goes on (RFC 9110 §7.8)", async () => {
  const handler: Handler = (request, exchange) => {
    if (!request.headers.has("upgrade")) return new Response("plain");
    exchange.upgrade(() => {
      throw new Error("never called");
    });
    return new Response("no", { status: 403 });
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    assertEquals((await raw.request(UPGRADE)).status, 403);
    assertEquals((await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).text, "plain");
  });
});

Deno.test("no time limit of HTTP ends a connection that was taken over (RFC 9110 §7.8)", async () => {
  const limits = { headerTimeout: 100, http1Timeout: 100, streamTimeout: 100 };
  const { handler, connection } = giving();
  await withServer(handler, limits, async ({ connect, server }) => {
    const raw = connect();
    await raw.send(UPGRADE);
    const taken = await within("the upgrade", connection);
    await pass(600);
    assertEquals([server.clients.size, raw.client.isExported], [1, true]);
    await taken.writeAll(latin1("still here"));
    taken.close();
    assertMatch(await raw.readToEnd(), /\r\n\r\nstill here$/, "what came");
    assertEquals(server.clients.size, 0);
  });
});

Deno.test("exchange.completed resolves when the connection was handed over (RFC 9110 §7.8)", async () => {
  let exchange: Exchange | undefined;
  const handler: Handler = (_, given) => {
    exchange = given;
    return given.upgrade((connection) => connection.close());
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(UPGRADE);
    await raw.readToEnd();
    await within("completed", exchange!.completed);
  });
});

Deno.test("a connection's signal aborts when the server stops, which cuts it at the deadline (RFC 9110 §7.8)", async () => {
  const { handler, connection } = giving();
  await withServer(handler, {}, async ({ connect, server }) => {
    const raw = connect();
    await raw.send(UPGRADE);
    const taken = await within("the upgrade", connection);
    const reading = taken.read(new Uint8Array(10)).then(() => "bytes", () => "rejected");
    assertEquals(taken.signal.aborted, false);
    const stopped = server.stop(150);
    assertEquals(taken.signal.aborted, true);
    await within("the stop", stopped);
    assertEquals(await within("the read", reading), "rejected");
  });
});

Deno.test("a connection that is closed when its signal aborts does not hold up the stop (RFC 9110 §7.8)", async () => {
  const handler: Handler = (_, exchange) =>
    exchange.upgrade((taken) => taken.signal.addEventListener("abort", () => taken.close()));
  await withServer(handler, {}, async ({ connect, server }) => {
    const raw = connect();
    await raw.send(UPGRADE);
    await until("the upgrade", () => raw.client.isExported);
    await within("the stop", server.stop(60_000), 2_000);
  });
});

for (const how of ["throws", "rejects"]) {
  Deno.test(`an upgrade handler that ${how} is reported, and its connection closed (RFC 9110 §7.8)`, async () => {
    const fail = () => {
      throw new Error("a bug");
    };
    const handler: Handler = (_, exchange) =>
      exchange.upgrade(how === "throws" ? fail : () => Promise.reject(new Error("a bug")));
    await withServer(handler, {}, async ({ connect, server, log }) => {
      const raw = connect();
      await raw.send(UPGRADE);
      await raw.readToEnd();
      await until("the client's end", () => server.clients.size === 0);
      assertEquals(log.map(([error]) => (error as Error).message), ["a bug"]);
    });
  });
}

Deno.test("a peer that vanishes ends what was taken over, and is counted no longer (RFC 9110 §7.8)", async () => {
  await withServer(echoing, {}, async ({ connect, server }) => {
    const raw = connect();
    await raw.send(`${UPGRADE}half of a mess`);
    await until("the upgrade", () => raw.client.isExported);
    await raw.close();
    await until("the client's end", () => server.clients.size === 0);
  });
});

Deno.test("the streams of a connection are bound by its peer's pace (RFC 9110 §7.8)", async () => {
  let made = 0;
  const handler: Handler = (_, exchange) =>
    exchange.upgrade(async (connection) => {
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(++made && 16_384)),
      });
      await endless.pipeTo(connection.writable).catch(() => {});
    });
  await withTcpServer(handler, {}, async ({ connect, server }) => {
    const raw = await connect();
    await raw.send(UPGRADE);
    const most = await steady(() => made, 300);
    assert(most * 16_384 < 32 * 2 ** 20, `${most} pieces were made for a peer that does not read`);
    await raw.close();
    await until("the client's end", () => server.clients.size === 0);
  });
});

Deno.test("a thousand connections are taken over and closed, and none is left (RFC 9110 §7.8)", async () => {
  await withServer(echoing, {}, async ({ connect, server }) => {
    const all = Array.from({ length: 1000 }, async (_, index) => {
      const raw = connect();
      await raw.send(`${UPGRADE}${index}`);
      await raw.end();
      assert((await raw.readToEnd()).endsWith(`\r\n\r\n${index}`), `${index} is echoed`);
    });
    await Promise.all(all);
    await until("the clients' end", () => server.clients.size === 0);
    const { pendingRequests, pendingResponses, runningHandlers } = server.stats;
    assertEquals([pendingRequests, pendingResponses, runningHandlers], [0, 0, 0]);
  });
});

testWithTool(
  findTool("curl"),
  "curl",
  "curl goes through a tunnel to another server, of this one's own making (RFC 9110 §9.3.6)",
  async (path) => {
    await withTcpServer(() => new Response("from behind the tunnel"), {}, async ({ port }) => {
      const proxy: Handler = (_, exchange) => exchange.upgrade((connection) => tunnel(connection, port));
      await withTcpServer(proxy, any, async ({ origin }) => {
        const { code, stdout, stderr } = await runTool(path, [
          ...["-q", "-sS", "--noproxy", "", "--max-time", "10", "--proxytunnel", "--proxy", origin],
          "http://a.example/",
        ]);
        assertEquals([code, stdout], [0, "from behind the tunnel"], stderr);
      });
    });
  },
);

async function tunnel(connection: UpgradedConnection, port: number): Promise<void> {
  using upstream = await Deno.connect({ hostname: "127.0.0.1", port });
  const there = connection.readable.pipeTo(upstream.writable).catch(() => {});
  await upstream.readable.pipeTo(connection.writable).catch(() => {});
  connection.close();
  await there;
}
