/**
 * Accept loops under attack: connections that are reset before they are accepted, and descriptors that run
 * out.
 */

import { type Connection, HttpServer, type Listener } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { makeCertificate, openssl } from "../attacks/certificates.ts";
import { openDescriptors } from "../attacks/descriptors.ts";
import { ScriptedListener, withListener } from "../attacks/faulty_connection.ts";
import { RawConnection } from "../attacks/raw_connection.ts";
import { ServerProcess, testbedProgram } from "../attacks/server_process.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { pass, turns, until, within } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { RawClient } from "../support/raw_client.ts";
import { testWithTool } from "../support/tools.ts";

const get = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

function portOf({ addr }: Listener): number {
  assert(addr.transport === "tcp", "the listener has a port");
  return addr.port;
}

/** How long a request on a new connection takes, in milliseconds. */
async function visit(connect: () => Promise<Deno.Conn>): Promise<number> {
  const start = performance.now();
  const client = new RawClient(await connect(), 10_000);
  assertEquals((await client.request(get)).text, "ok");
  await client.close();
  return performance.now() - start;
}

/**
 * Makes a server meet `count` connections in a row that were reset before they were accepted: it does not
 * accept while it is full.
 */
async function meetResets(server: HttpServer, port: number, count: number): Promise<void> {
  const first = await Deno.connect({ hostname: "127.0.0.1", port });
  await until("the first connection", () => server.clients.size === 1);
  const queued = await Promise.all(
    Array.from({ length: count }, () => RawConnection.open(port, { resettable: true })),
  );
  for (const connection of queued) connection.reset();
  for (const connection of queued) await connection[Symbol.asyncDispose]();
  first.close();
}

Deno.test("300 connections that are reset before they are accepted do not delay the next one", async () => {
  const server = new HttpServer(() => new Response("ok"), { connectionLimit: 1 });
  const port = portOf(server.listen({ hostname: "127.0.0.1", port: 0 }));
  await meetResets(server, port, 300);
  const took = await visit(() => Deno.connect({ hostname: "127.0.0.1", port }));
  assert(took < 1_000, `the next connection is answered within a second, not after ${Math.round(took)} ms`);
  await within("the stop", server.stop(1_000));
});

testWithTool(
  openssl,
  "openssl",
  "300 connections that are reset before they are accepted do not delay the next one on a TLS listener",
  async (path) => {
    const { cert, key, authority } = await makeCertificate(path);
    const server = new HttpServer(() => new Response("ok"), { connectionLimit: 1, log: () => {} });
    const port = portOf(server.listen({ hostname: "127.0.0.1", port: 0, cert, key }));
    await meetResets(server, port, 300);
    const took = await visit(() => Deno.connectTls({ hostname: "localhost", port, caCerts: [authority] }));
    assert(took < 1_000, `the next connection is answered within a second, not after ${Math.round(took)} ms`);
    await within("the stop", server.stop(1_000));
  },
);

// In a process of its own, so that the resets come while the server is busy with others.
const RESETS = `
  import { connect } from "node:net";
  const [port, perSecond] = Deno.args.map(Number);
  const start = performance.now();
  let count = 0;
  console.log("begun");
  setInterval(() => {
    for (; count < (performance.now() - start) / 1000 * perSecond; count++) {
      const socket = connect({ host: "127.0.0.1", port }, () => socket.resetAndDestroy());
      socket.on("error", () => {});
    }
  }, 5);`;

Deno.test("200 resets a second leave the latency of new connections as it is", async () => {
  const server = new HttpServer(() => new Response("ok"));
  const port = portOf(server.listen({ hostname: "127.0.0.1", port: 0 }));
  const resets = new Deno.Command(Deno.execPath(), {
    args: ["eval", RESETS, String(port), "200"],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = resets.stdout.getReader();
  assert((await within("the first reset", output.read(), 20_000)).value !== undefined, "the resets begin");
  const times: number[] = [];
  const end = performance.now() + 3_000;
  while (performance.now() < end) {
    times.push(await visit(() => Deno.connect({ hostname: "127.0.0.1", port })));
    await pass(20);
  }
  resets.kill();
  await output.cancel();
  await resets.status;
  const longest = Math.max(...times);
  assert(times.length > 30, `many are answered in 3 seconds, not only ${times.length}`);
  assert(longest < 500, `each is answered within half a second, not after ${Math.round(longest)} ms`);
  await within("the stop", server.stop(1_000));
});

Deno.test({
  name: "a server without descriptors neither ends nor spins, and goes on as soon as there are some",
  ignore: openDescriptors() === 0,
  fn: async () => {
    const { command, args } = testbedProgram();
    const limited = ["-c", 'ulimit -n 80; exec "$@"', "sh", command, ...args];
    await using server = await ServerProcess.start({ command: "sh", args: limited });
    const connections = await Promise.all(
      Array.from({ length: 150 }, () => Deno.connect({ hostname: "127.0.0.1", port: server.port })),
    );
    await pass(300); // all that can be accepted is
    const before = server.processorTime();
    await pass(1_500);
    const used = server.processorTime() - before;
    assert(used < 500, `of 1500 ms without descriptors the server works for ${used} ms`);
    for (const connection of connections) connection.close();
    await server.checkAlive();
  },
});

Deno.test("a server out of descriptors accepts again as soon as a connection of its own has ended", async () => {
  const exhausted = Object.assign(new Error("Too many open files (os error 24)"), { code: "ENFILE" });
  const listener = new ScriptedListener(Array.from({ length: 1_000 }, () => exhausted));
  const server = new HttpServer(() => new Response("ok"));
  const port = portOf(server.listen({ hostname: "127.0.0.1", port: 0 }));
  {
    using time = new FakeTime(); // a pause never ends by itself
    await withListener(listener, () => Promise.resolve(void server.listen({ port: 0 })));
    await time.settle();
    assertEquals(listener.calls, 1);
    const client = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
    assertEquals((await client.request(get)).text, "ok");
    assertEquals(listener.calls, 1);
    await client.close();
    for (let turn = 0; turn < 100 && listener.calls === 1; turn++) await time.settle();
    assertEquals(listener.calls, 2);
  }
  await within("the stop", server.stop(1_000));
});

Deno.test("a listener that fails without end leaves the event loop to others", async () => {
  const failures = Array.from({ length: 20_000 }, () => new Deno.errors.NotConnected("gone"));
  const listener = new ScriptedListener(failures);
  const server = new HttpServer(() => new Response("ok"));
  const port = portOf(server.listen({ hostname: "127.0.0.1", port: 0 }));
  await withListener(listener, () => Promise.resolve(void server.listen({ port: 0 })));
  const took = await visit(() => Deno.connect({ hostname: "127.0.0.1", port }));
  assert(listener.calls < failures.length, "the listener still fails");
  assert(took < 1_000, `a request takes ${Math.round(took)} ms meanwhile`);
  await within("the stop", server.stop(1_000));
});

/** A listener that always has a further connection, whose peer has left. */
class EndlessListener extends ScriptedListener {
  #isClosed = false;

  override async accept(): Promise<Connection> {
    if (this.#isClosed) return await super.accept();
    this.calls++;
    const { client, server } = connectionPair();
    client.close();
    return server;
  }

  override close(): void {
    this.#isClosed = true;
    super.close();
  }
}

Deno.test("a listener that has connections without end leaves the event loop to others", async () => {
  const listener = new EndlessListener([]);
  const server = new HttpServer(() => new Response("ok"));
  const port = portOf(server.listen({ hostname: "127.0.0.1", port: 0 }));
  await withListener(listener, () => Promise.resolve(void server.listen({ port: 0 })));
  const took = await visit(() => Deno.connect({ hostname: "127.0.0.1", port }));
  assert(listener.calls > 0, "the other listener accepts");
  assert(took < 1_000, `a request takes ${Math.round(took)} ms meanwhile`);
  await within("the stop", server.stop(1_000));
});

Deno.test("HttpServer.stop() ends a full server whose listener somebody else has closed", async () => {
  const server = new HttpServer(() => new Response("ok"), { connectionLimit: 1 });
  const listener = server.listen({ hostname: "127.0.0.1", port: 0 });
  using _connection = await Deno.connect({ hostname: "127.0.0.1", port: portOf(listener) });
  await until("the connection", () => server.clients.size === 1);
  await turns();
  listener.close();
  await within("the stop", server.stop(0));
});
