/** The members of a client (the table of the design), one test each, in memory. */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Client,
  ClientDisconnectedError,
  ClientStatus,
  DefaultDriverFactory,
  type DriverClient,
  type Handler,
  Http1Driver,
  HttpServer,
  Response,
} from "../mod.ts";
import { connectionPair } from "../testing.ts";
import { until, within } from "./support/deadline.ts";
import { withServer, withTcpServer } from "./support/server.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const hello: Handler = () => new Response("Hello");

/** A handler that waits until it is let go, and shows the client that it runs for. */
function gate(): { handler: Handler; entered: Promise<Client>; open(): void } {
  const entered = Promise.withResolvers<Client>();
  const opened = Promise.withResolvers<void>();
  const handler: Handler = async (_request, { client }) => {
    entered.resolve(client);
    await opened.promise;
    return new Response("late");
  };
  return { handler, entered: entered.promise, open: () => opened.resolve() };
}

function closed(client: Client): Promise<Client> {
  return new Promise((resolve) => client.onClose(resolve));
}

Deno.test("client.id is unique", async () => {
  await withServer(hello, {}, ({ connect }) => {
    const ids = [connect(), connect(), connect()].map(({ client }) => client.id);
    assertEquals(new Set(ids).size, 3);
    return Promise.resolve();
  });
});

Deno.test("client has the addresses of both sides; ports are null on a unix socket", async () => {
  await using server = new HttpServer(hello);
  const tcp = server.accept(
    connectionPair({
      clientAddr: { transport: "tcp", hostname: "192.0.2.7", port: 1234 },
      serverAddr: { transport: "tcp", hostname: "192.0.2.1", port: 80 },
    }).server,
  );
  assertEquals(
    [tcp.remoteAddress, tcp.remotePort, tcp.localAddress, tcp.localPort, tcp.isUnix],
    ["192.0.2.7", 1234, "192.0.2.1", 80, false],
  );
  const path: Deno.UnixAddr = { transport: "unix", path: "/run/x.sock" };
  const unix = server.accept(connectionPair({ clientAddr: path, serverAddr: path }).server);
  assertEquals([unix.remoteAddress, unix.remotePort, unix.localPort, unix.isUnix], [
    "/run/x.sock",
    null,
    null,
    true,
  ]);
});

Deno.test("client.isEncrypted and tlsInfo tell of TLS once the handshake is done", async () => {
  await withServer(hello, {}, async ({ connect }) => {
    const plain = connect();
    assertEquals([plain.client.isEncrypted, plain.client.tlsInfo], [false, null]);
    const raw = connect({ encrypted: true });
    assertEquals([raw.client.isEncrypted, raw.client.tlsInfo], [true, null]);
    await raw.request(GET);
    assert(raw.client.tlsInfo !== null && "alpnProtocol" in raw.client.tlsInfo);
  });
});

Deno.test("client.driver and client.parser are those in charge", async () => {
  await withServer(hello, {}, async ({ connect }) => {
    const raw = connect();
    await raw.request(GET);
    const client = raw.client as DriverClient;
    assert(client.driver instanceof Http1Driver);
    assertEquals(typeof client.parser?.next, "function");
  });
});

Deno.test("client.bufferSize and drained: null up to softStreamCap, a promise above, rejected at the end", async () => {
  const { handler, entered } = gate();
  await withServer(handler, { softStreamCap: 1000 }, async ({ connect }) => {
    const raw = connect();
    raw.offer(GET);
    const client = await entered as DriverClient & { write(data: Uint8Array): Promise<null> | null };
    assertEquals([client.bufferSize, client.drained], [0, null]);
    assertEquals(client.write(new Uint8Array(1000)), null);
    assertEquals([client.bufferSize, client.drained], [1000, null]);
    const held = client.write(new Uint8Array(200_000)); // more than the pair holds
    assert(held !== null);
    assertStrictEquals(client.drained, held);
    client.close();
    await assertRejects(() => held, ClientDisconnectedError);
  });
});

Deno.test("client.drained resolves, and onWriteDrain is called, as the peer reads", async () => {
  const { handler, entered } = gate();
  await withServer(handler, { softStreamCap: 1000 }, async ({ connect }) => {
    const raw = connect();
    raw.offer(GET);
    const client = await entered as DriverClient & { write(data: Uint8Array): Promise<null> | null };
    const empty = Promise.withResolvers<void>();
    client.onWriteDrain = () => empty.resolve();
    const held = client.write(new Uint8Array(5000));
    assertEquals(await held, null);
    await empty.promise;
    assertEquals([client.bufferSize, client.drained], [0, null]);
    client.close();
  });
});

Deno.test("client.shouldClose ends the connection with the response under way (RFC 9112 §9.6)", async () => {
  const handler: Handler = (_request, { client }) => {
    (client as DriverClient).shouldClose = true;
    return new Response("last");
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(GET);
    const response = await raw.readResponse();
    await raw.expectClosedAfter(response);
  });
});

Deno.test("client.status is a mask of the directions that are over", async () => {
  const { handler, entered, open } = gate();
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(GET + GET);
    const client = await entered;
    assertEquals(client.status, ClientStatus.Open);
    await raw.end();
    open();
    await raw.readToEnd();
    assertEquals(client.status & ClientStatus.ClosedRead, ClientStatus.ClosedRead);
    await closed(client);
    assertEquals(client.status, ClientStatus.Closed);
  });
});

Deno.test("client.export() gives the bytes not parsed, then the connection's, and counts until it is closed", async () => {
  const taken = Promise.withResolvers<string>();
  const handler: Handler = async (_request, { client }) => {
    const connection = client.export();
    assertEquals(client.isExported, true);
    assertThrows(() => client.export(), TypeError, "exported");
    const buffer = new Uint8Array(100);
    let text = "";
    while (!text.endsWith("!")) {
      text += new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
    }
    await connection.write(new TextEncoder().encode("raw"));
    connection.close();
    taken.resolve(text);
    return new Response("never sent");
  };
  await withServer(handler, {}, async ({ connect, server }) => {
    const raw = connect();
    await raw.send(`${GET}left over, `);
    assertEquals(server.clients.size, 1);
    await raw.send("and more!");
    assertEquals(await raw.readToEnd(), "raw");
    assertEquals(await taken.promise, "left over, and more!");
    assertEquals(server.clients.size, 0);
  });
});

for (const size of [5, 100_000, 2_000_000]) {
  Deno.test(`client.export() writes and closes behind a response of ${size} bytes that is still queued`, async () => {
    const handler: Handler = (_request, { client, target }) => {
      if (target === "/1") return new Response("x".repeat(size));
      const connection = client.export();
      connection.write(new TextEncoder().encode("raw")).then(() => connection.close());
      return new Response("never sent");
    };
    await withServer(handler, { softStreamCap: 4_000_000 }, async ({ connect }) => {
      const raw = connect();
      await raw.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals((await raw.readResponse()).text.length, size);
      assertEquals(await raw.readToEnd(), "raw");
    });
  });
}

Deno.test("client.export() leaves nothing behind where the peer takes nothing, or is gone", async () => {
  for (const leaves of [false, true]) {
    const failed = Promise.withResolvers<unknown>();
    const handler: Handler = (_request, { client, target }) => {
      if (target === "/1") return new Response(new Uint8Array(40_000_000));
      const connection = client.export();
      connection.write(new TextEncoder().encode("raw")).catch(failed.resolve);
      return new Response("never sent");
    };
    const options = { softStreamCap: 50_000_000, streamTimeout: 200, minimumResponseRate: 2 ** 40 };
    await withTcpServer(handler, options, async ({ connect, server }) => {
      const raw = await connect();
      await raw.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
      await until("the export", () => [...server.clients].some(({ isExported }) => isExported));
      const [client] = [...server.clients] as [Client];
      const closed = new Promise((resolve) => client.onClose(resolve));
      if (leaves) await raw.close();
      await within("the close", closed);
      assert(await within("the failed write", failed.promise) instanceof Error);
    });
  }
});

Deno.test("client.remainingRequests counts down, and the last response says close (RFC 9112 §9.6)", async () => {
  const seen: number[] = [];
  const handler: Handler = (_request, { client }) => {
    seen.push(client.remainingRequests);
    return new Response("x");
  };
  await withServer(handler, { requestLimit: 2 }, async ({ connect }) => {
    const raw = connect();
    assertEquals(raw.client.remainingRequests, 2);
    await raw.request(GET);
    await raw.send(GET);
    await raw.expectClosedAfter(await raw.readResponse());
    assertEquals(seen, [1, 0]);
  });
  await withServer(hello, {}, ({ connect }) => {
    assertEquals(connect().client.remainingRequests, Infinity);
    return Promise.resolve();
  });
});

Deno.test("client counts pending requests and responses, and says who waits for whom", async () => {
  const { handler, entered, open } = gate();
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    const client = await entered as DriverClient;
    assertEquals([client.pendingRequestCount, client.pendingResponseCount, client.isWaitingOnResponse], [
      1,
      1,
      false,
    ]);
    assertEquals([...client.bodies.keys()], [1]);
    await raw.send("cd");
    while (client.pendingRequestCount > 0) await Promise.resolve();
    assertEquals([client.pendingResponseCount, client.isWaitingOnResponse, client.bodies.size], [1, true, 0]);
    open();
    await raw.readResponse();
    assertEquals([client.pendingResponseCount, client.isWaitingOnResponse], [0, false]);
  });
});

Deno.test("client.bodies: a driver, or whoever has the wider type, may fail one", async () => {
  const failed = Promise.withResolvers<unknown>();
  const handler: Handler = async (request, { client }) => {
    for (const body of (client as DriverClient).bodies.values()) body.fail(new TypeError("enough"));
    await request.text().catch(failed.resolve);
    return new Response("x");
  };
  await withServer(handler, {}, async ({ connect }) => {
    connect().offer("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    assertEquals(String(await failed.promise), "TypeError: enough");
  });
});

Deno.test("client.allowsPush is false over HTTP/1", async () => {
  await withServer(hello, {}, ({ connect }) => {
    assertEquals(connect().client.allowsPush, false);
    return Promise.resolve();
  });
});

Deno.test("client.pauseReading() stops the parser's bytes until resumeReading()", async () => {
  await withServer(hello, {}, async ({ connect }) => {
    const raw = connect();
    await raw.request(GET);
    const client = raw.client as DriverClient;
    client.pauseReading();
    await raw.request(GET); // of the read that was under way
    raw.offer(GET);
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    assertEquals(client.pendingResponseCount + client.bufferSize, 0);
    client.resumeReading();
    assertEquals((await raw.readResponse()).text, "Hello");
  });
});

Deno.test("client.deadline is Infinity while nothing is asked of the peer; extendDeadline() moves it", async () => {
  const { handler, entered, open } = gate();
  await withServer(handler, { headerTimeout: 1000 }, async ({ connect }) => {
    const raw = connect();
    raw.offer(GET);
    const client = await entered as DriverClient;
    assertEquals(client.deadline, Infinity);
    client.extendDeadline(5000);
    const first = client.deadline;
    assert(first > client.now + 4999 && first < client.now + 6000);
    client.extendDeadline(9000);
    assert(client.deadline >= first + 3999);
    client.extendDeadline(Infinity);
    open();
    await raw.readResponse();
  });
});

Deno.test("client.onClose() calls back once, at once after the end; its errors are logged", async () => {
  await withServer(hello, {}, ({ connect, log }) => {
    const { client } = connect();
    const calls: string[] = [];
    client.onClose(() => {
      throw new TypeError("in a callback");
    });
    client.onClose((told) => calls.push(told === client ? "before" : "another"));
    client.close();
    client.close();
    client.onClose(() => calls.push("after"));
    assertEquals(calls, ["before", "after"]);
    assertEquals(log.map(([error]) => String(error)), ["TypeError: in a callback"]);
    return Promise.resolve();
  });
});

Deno.test("client.stop() closes an idle client at once, answers what runs, and cuts it at the deadline", async () => {
  await withServer(hello, {}, async ({ connect }) => {
    const { client } = connect();
    await client.stop(60_000);
    assertEquals(client.status, ClientStatus.Closed);
    await client.stop(0);
  });
  const answered = gate();
  await withServer(answered.handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(GET);
    const stopped = (await answered.entered).stop(60_000);
    answered.open();
    await raw.expectClosedAfter(await raw.readResponse());
    await raw.close();
    await stopped;
  });
  const cut = gate();
  await withServer(cut.handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(GET);
    await (await cut.entered).stop(20);
    assertEquals(await raw.readToEnd(), "");
    cut.open();
  });
});

Deno.test("a driver factory of one's own may wrap the drivers, and sees each client", async () => {
  const seen: number[] = [];
  class Counting extends DefaultDriverFactory {
    override selectDriver(client: DriverClient): Http1Driver {
      seen.push(client.id);
      return new Http1Driver();
    }
  }
  await withServer(hello, { driverFactory: new Counting() }, async ({ connect }) => {
    const raw = connect();
    assertEquals((await raw.request(GET)).text, "Hello");
    assertEquals(seen, [raw.client.id]);
  });
});
