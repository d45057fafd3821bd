/** The connection cases of the attack corpus: limits, churn, resets, slowloris and fairness. */

import { type Handler, HttpServer, Response } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { latin1 } from "../support/bytes.ts";
import { pass, until, within } from "../support/deadline.ts";
import { RawClient } from "../support/raw_client.ts";
import { withTcpServer } from "../support/server.ts";
import { openDescriptors } from "./descriptors.ts";
import { RawConnection } from "./raw_connection.ts";
import { ServerProcess, testbedProgram } from "./server_process.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const getAndClose = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const hello: Handler = () => new Response("hello");

Deno.test("a full server serves those it has, and others once there is room: cn-limit", async () => {
  await withTcpServer(hello, { connectionLimit: 3 }, async ({ server, connect }) => {
    const clients: RawClient[] = [];
    for (let count = 0; count < 3; count++) {
      const client = await connect();
      assertEquals((await client.request(get)).text, "hello");
      clients.push(client);
    }
    const further = await connect();
    further.offer(get);
    let answered = false;
    const answer = further.tryResponse().then((response) => {
      answered = response !== null;
      return response;
    });
    await pass(200);
    assert(!answered, "one more than the limit is not served");
    assertEquals(server.stats.clients, 3);
    for (const client of clients) assertEquals((await client.request(get)).text, "hello");
    await clients[0]?.close();
    const late = await answer;
    if (late !== null) assertEquals(late.text, "hello");
    else assertEquals((await (await connect()).request(get)).text, "hello");
  });
});

/** Gives a server one connection from an address, and says whether it is served. */
async function isServed(server: HttpServer, hostname: string, opened: RawClient[]): Promise<boolean> {
  const pair = connectionPair({ clientAddr: { transport: "tcp", hostname, port: 50_000 } });
  server.accept(pair.server);
  const client = new RawClient(pair.client);
  opened.push(client);
  client.offer(get);
  const response = await client.tryResponse();
  return response !== null && response.status === 200;
}

for (
  const [name, own, other] of [
    ["IPv4 address", ["192.0.2.1", "192.0.2.1", "192.0.2.1"], "198.51.100.7"],
    ["IPv6 /56", ["2001:db8:0:100::1", "2001:db8:0:1ff::2", "2001:0db8:0000:0180:1::3"], "2001:db8:0:200::1"],
    [
      "IPv4-mapped IPv6 address",
      ["::ffff:192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.1"],
      "::ffff:192.0.2.2",
    ],
  ] as const
) {
  Deno.test(`one ${name} gets no more than its share of connections: cn-per-ip`, async () => {
    const server = new HttpServer(hello, { connectionsPerIpLimit: 2, log: () => {} });
    const opened: RawClient[] = [];
    const [first, second, third] = own;
    assert(await isServed(server, first, opened), "the first is served");
    assert(await isServed(server, second, opened), "the second is served");
    assert(!await isServed(server, third, opened), "one more is refused");
    assertEquals(server.stats.refused, 1);
    assert(await isServed(server, other, opened), "another address is served");
    await opened[0]?.close();
    await until("the end of the first", () => server.clients.size === 2);
    assert(await isServed(server, third, opened), "once one has left there is room");
    for (const client of opened.slice(1)) await client.close();
    await within("the stop", server.stop(1_000));
  });
}

Deno.test("connections that are reset at once do not end the accept loop: cn-accept-abort", async () => {
  await withTcpServer(hello, {}, async ({ server, port, connect }) => {
    const before = openDescriptors();
    for (let batch = 0; batch < 10; batch++) {
      await Promise.all(Array.from({ length: 30 }, async () => {
        await using connection = await RawConnection.open(port, { resettable: true });
        connection.reset();
      }));
    }
    const client = await connect();
    assertEquals((await client.request(get)).text, "hello");
    await client.close();
    await until("the end of every client", () => server.clients.size === 0);
    await until("the close of every descriptor", () => openDescriptors() <= before);
  });
});

Deno.test("a client that resets while its response is sent leaves nothing behind: cn-accept-abort", async () => {
  const endless: Handler = () =>
    new Response(
      new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(16_384)) }),
    );
  await withTcpServer(endless, {}, async ({ server, port }) => {
    await Promise.all(Array.from({ length: 20 }, async (_, index) => {
      await using connection = await RawConnection.open(port, { resettable: true });
      await connection.write(latin1(get));
      for (let part = 0; part <= index % 3; part++) await connection.change(1_000);
      connection.reset();
    }));
    await until("the end of every client", () => server.clients.size === 0);
    assertEquals(server.stats.pendingResponses, 0);
  });
});

Deno.test("slow heads are cut off, and others stay fast meanwhile: cn-slowloris-200", async () => {
  await withTcpServer(hello, { headerTimeout: 500 }, async ({ server, port, connect }) => {
    const start = performance.now();
    const slow = Array.from({ length: 50 }, async () => {
      await using connection = await RawConnection.open(port);
      await connection.write(latin1("GET / HTTP/1.1\r\nHost: a\r\nX: "));
      while (!connection.isOver && performance.now() - start < 5_000) {
        await connection.write(latin1("y"));
        await connection.change(50);
      }
      assert(connection.isOver, "a head that never ends is cut off");
      return performance.now() - start;
    });
    await until("the slow clients", () => server.clients.size === slow.length);
    const times: number[] = [];
    for (let count = 0; count < 50; count++) {
      const sent = performance.now();
      const client = await connect();
      assertEquals((await client.request(get)).text, "hello");
      times.push(performance.now() - sent);
      await client.close();
    }
    assert(percentile(times, 0.99) < 200, `a fresh request takes ${Math.round(percentile(times, 0.99))} ms`);
    const longest = Math.max(...await Promise.all(slow));
    assert(longest < 2_500, `every slow client is cut off after 500 ms, not after ${Math.round(longest)}`);
  });
});

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/** Runs a test against the testbed in a process of its own, where its memory and its event loop are its own. */
function processTest(name: string, run: (server: ServerProcess) => Promise<void>): void {
  Deno.test(name, async () => {
    await using server = await ServerProcess.start(testbedProgram());
    await run(server);
    await server.checkAlive();
  });
}

async function churn(server: ServerProcess, count: number): Promise<void> {
  let left = count;
  async function work(): Promise<void> {
    while (left-- > 0) {
      const response = await server.request(getAndClose, 5_000);
      assertEquals(response.status, 200);
    }
  }
  await Promise.all(Array.from({ length: 4 }, work));
}

processTest("a thousand short connections leave nothing behind: cn-churn-requests", async (server) => {
  await churn(server, 1_000);
  const before = await server.holdings();
  const memory = server.memory();
  await churn(server, 2_000);
  assertEquals(await server.leftOver(before), null);
  const growth = server.memory() - memory;
  assert(!(growth > 8), `the process grows by 8 MiB at most, not by ${growth.toFixed(1)}`);
});

// In a process of its own, so that what is measured is not the test's own event loop.
const FLOOD = `
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
  const piece = new TextEncoder().encode("GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n".repeat(200));
  const send = async () => { for (;;) for (let at = 0; at < piece.length;) at += await connection.write(piece.subarray(at)); };
  send();
  const buffer = new Uint8Array(1 << 20);
  for (let size = 0;;) {
    size += await connection.read(buffer) ?? 0;
    if (size > 1e6) { console.log("busy"); size = -Infinity; }
  }`;

processTest("a connection that pipelines without end does not starve others: cn-cpu-fair", async (server) => {
  const flood = new Deno.Command(Deno.execPath(), {
    args: ["eval", FLOOD, String(server.port)],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = flood.stdout.getReader();
  assert((await output.read()).value !== undefined, "the busy connection is answered");
  const times: number[] = [];
  for (let count = 0; count < 60; count++) {
    const start = performance.now();
    assertEquals((await server.request(getAndClose, 5_000)).status, 200);
    times.push(performance.now() - start);
    await pass(5);
  }
  flood.kill();
  await output.cancel();
  await flood.status;
  assert(percentile(times, 0.99) < 250, `a fresh request takes ${Math.round(percentile(times, 0.99))} ms`);
});
