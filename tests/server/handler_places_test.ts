/** Handlers are shared fairly, and who waits for one leaves nothing behind: over connections. */

import { type Client, type Handler, HttpError } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { turns, until, within } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { Gate, Http2Client, type Http2Harness, withHttp2 } from "../support/http2_client.ts";
import { RawClient } from "../support/raw_client.ts";
import { field } from "../support/response_parser.ts";
import { type ServerOptions, withServer, withTcpServer } from "../support/server.ts";
import { runTool } from "../support/tools.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

// ------------------------------------------------------------------------------------------------ fairness

const uploads: Handler = async (request) =>
  new Response(request.method === "POST" ? await request.text() : "hello");

Deno.test("ten HTTP/2 connections with 100 slow uploads each leave handlers to others", async () => {
  await withTcpServer(uploads, {}, async ({ server, port, connect }) => {
    const slow: Http2Client[] = [];
    for (let count = 0; count < 10; count++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await until("the client", () => server.clients.size === count + 1);
      slow.push(new Http2Client(connection, [...server.clients].at(-1)!));
    }
    for (const client of slow) {
      for (let stream = 0; stream < 100; stream++) {
        client.request({ method: "POST", body: "12345678", endStream: false });
      }
    }
    await until("the uploads", () => {
      const { runningHandlers, waitingHandlers } = server.stats;
      return runningHandlers + waitingHandlers === 1_000;
    });
    const { runningHandlers } = server.stats;
    assert(
      runningHandlers < 920,
      `they have 91 of 1000 handlers each at most, not ${runningHandlers} in all`,
    );
    const normal = await connect();
    for (let count = 0; count < 20; count++) assertEquals((await normal.request(get("/"))).text, "hello");
    assertEquals(server.stats.runningHandlers, runningHandlers);
    for (const client of slow) await client.close();
    await until("the end of all", () => server.stats.runningHandlers + server.stats.waitingHandlers === 0);
  });
});

Deno.test("the clients of one network get half of the handlers, and other networks the rest", async () => {
  const gate = new Gate();
  await withServer(gate.handler, { handlerLimit: 30 }, async ({ server }) => {
    const opened: RawClient[] = [];
    const ask = async (hostname: string, path: string) => {
      const pair = connectionPair({ clientAddr: { transport: "tcp", hostname, port: 50_000 } });
      server.accept(pair.server);
      const raw = new RawClient(pair.client);
      opened.push(raw);
      await raw.send(get(path));
      return raw;
    };
    for (let count = 0; count < 30; count++) await ask("192.0.2.1", `/${count}`);
    await turns();
    assertEquals([server.stats.runningHandlers, server.stats.waitingHandlers], [15, 15]);
    assertEquals((await (await ask("198.51.100.7", "/now")).readResponse()).text, "now");
    for (const raw of opened) await raw.close();
    for (let count = 0; count < 30; count++) gate.open(`/${count}`);
    await until("the end of all", () => server.stats.runningHandlers + server.stats.waitingHandlers === 0);
  });
});

// ------------------------------------------------------------------------------------------------ limits

/** One request on a connection of its own, and how it is answered. */
interface Asked {
  readonly client: Client;
  /** The status and the `retry-after` of the response. */
  answer(): Promise<{ status: number; text: string; retryAfter: string | null }>;
  /** Whether there is an answer now. */
  isAnswered(): boolean;
}

type Ask = (harness: Http2Harness, path: string) => Promise<Asked>;

const VERSIONS: Readonly<Record<string, Ask>> = {
  "HTTP/1.1": async ({ connectHttp1 }, path) => {
    const raw = connectHttp1({ deadline: 100_000 });
    await raw.send(get(path));
    return {
      client: raw.client,
      answer: async () => {
        const { status, text, fields } = await raw.readResponse();
        return { status, text, retryAfter: field(fields, "retry-after") ?? null };
      },
      isAnswered: () => raw.received !== "",
    };
  },
  "HTTP/2": async ({ connect }, path) => {
    const client = connect({ deadline: 100_000 });
    const id = client.request({ path });
    await client.flushed();
    return {
      client: client.peer,
      answer: async () => {
        const stream = await client.over(id);
        return { status: stream.status, text: stream.text, retryAfter: stream.field("retry-after") };
      },
      isAnswered: () => client.log.streams.get(id)?.head != null,
    };
  },
};

for (const [version, ask] of Object.entries(VERSIONS)) {
  const test = (
    name: string,
    options: ServerOptions,
    run: (harness: Http2Harness, gate: Gate) => Promise<void>,
  ) =>
    Deno.test(`${name} over ${version}`, async () => {
      const gate = new Gate();
      await withHttp2(gate.handler, { handlerLimit: 1, ...options }, (harness) => run(harness, gate));
    });

  test(
    "handlerQueueLimit requests wait, and one more is 503",
    { handlerQueueLimit: 3 },
    async (harness, gate) => {
      const { server } = harness;
      const asked = [await ask(harness, "/0")];
      await gate.arrival("/0");
      for (let index = 1; index < 4; index++) asked.push(await ask(harness, `/${index}`));
      await until("the wait", () => server.stats.waitingHandlers === 3);
      const refused = await (await ask(harness, "/4")).answer();
      assertEquals([refused.status, refused.retryAfter], [503, "15"]);
      for (const [index, one] of asked.entries()) {
        gate.open(`/${index}`);
        assertEquals((await one.answer()).text, `/${index}`);
      }
      assertEquals(gate.targets, ["/0", "/1", "/2", "/3"]);
      assertEquals([server.stats.runningHandlers, server.stats.waitingHandlers], [0, 0]);
    },
  );

  test("with a handlerQueueLimit of 0 nobody waits", { handlerQueueLimit: 0 }, async (harness, gate) => {
    const first = await ask(harness, "/0");
    await gate.arrival("/0");
    assertEquals((await (await ask(harness, "/1")).answer()).status, 503);
    gate.open("/0");
    assertEquals((await first.answer()).text, "/0");
  });

  test(
    "a request that waits for handlerQueueTimeout is 503",
    { handlerQueueTimeout: 1_500 },
    async (harness, gate) => {
      using time = new FakeTime();
      const first = await ask(harness, "/0");
      await time.settle();
      const second = await ask(harness, "/1");
      await time.pass(1_499);
      assertEquals([second.isAnswered(), harness.server.stats.waitingHandlers], [false, 1]);
      await time.pass(201); // two ticks
      const { status, retryAfter } = await second.answer();
      assertEquals([status, retryAfter, harness.server.stats.waitingHandlers], [503, "2", 0]);
      gate.open("/0");
      assertEquals((await first.answer()).text, "/0");
      assertEquals(gate.targets, ["/0"]);
    },
  );

  test("the page of a refusal is that of renderError, and keeps retry-after", {
    handlerQueueLimit: 0,
    handlerQueueTimeout: 60_000,
    renderError: (error) => new Response(`sorry: ${error.status}`),
  }, async (harness, gate) => {
    const first = await ask(harness, "/0");
    await gate.arrival("/0");
    const refused = await (await ask(harness, "/1")).answer();
    assertEquals(refused, { status: 503, text: "sorry: 503", retryAfter: "60" });
    gate.open("/0");
    await first.answer();
  });

  test("a request whose client leaves waits no longer", {}, async (harness, gate) => {
    const { server } = harness;
    const first = await ask(harness, "/0");
    await gate.arrival("/0");
    const second = await ask(harness, "/1");
    await until("the wait", () => server.stats.waitingHandlers === 1);
    second.client.close();
    await turns(1);
    assertEquals(server.stats.waitingHandlers, 0);
    gate.open("/0");
    assertEquals((await first.answer()).text, "/0");
    assertEquals(gate.targets, ["/0"]);
  });

  test(
    "HttpServer.stop() does not wait for a request that waits for a handler longer than it is told",
    {},
    async (harness, gate) => {
      const { server } = harness;
      await ask(harness, "/0");
      await gate.arrival("/0");
      await ask(harness, "/1");
      await until("the wait", () => server.stats.waitingHandlers === 1);
      await within("the stop", server.stop(50));
      await turns(1);
      assertEquals(server.stats.waitingHandlers, 0);
      gate.open("/0");
      await turns();
      assertEquals([gate.targets.join(), server.stats.runningHandlers], ["/0", 0]);
    },
  );
}

Deno.test("a request whose stream is reset waits no longer (RFC 9113 §6.4)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { handlerLimit: 2 }, async ({ connect, server }) => {
    const client = connect();
    client.request({ path: "/0" });
    await gate.arrival("/0");
    const ids = [1, 2, 3].map((index) =>
      client.request({ path: `/${index}`, method: "POST", endStream: false })
    );
    await until("the wait", () => server.stats.waitingHandlers === 3);
    for (const id of ids.slice(1)) client.reset(id);
    await client.sync();
    assertEquals(server.stats.waitingHandlers, 1);
    gate.open("/0");
    await gate.arrival("/1");
    assertEquals(gate.targets, ["/0", "/1"]);
    gate.open("/1");
  });
});

Deno.test("a request whose client ends its side waits no longer, and gets 503", async () => {
  const gate = new Gate();
  await withTcpServer(gate.handler, { handlerLimit: 1 }, async ({ connect, server }) => {
    const first = await connect();
    await first.send(get("/0"));
    await gate.arrival("/0");
    const second = await connect();
    await second.send(get("/1"));
    await until("the wait", () => server.stats.waitingHandlers === 1);
    await second.end();
    const { status, fields } = await second.readResponse();
    assertEquals([status, field(fields, "retry-after"), server.stats.waitingHandlers], [503, "15", 0]);
    gate.open("/0");
    assertEquals((await first.readResponse()).text, "/0");
    assertEquals(gate.targets, ["/0"]);
  });
});

Deno.test('a request whose client ends its side waits on with halfClose: "answer"', async () => {
  const gate = new Gate();
  await withTcpServer(gate.handler, { handlerLimit: 1, halfClose: "answer" }, async ({ connect, server }) => {
    const first = await connect();
    await first.send(get("/0"));
    await gate.arrival("/0");
    const second = await connect();
    await second.send(get("/1"));
    await second.end();
    await until("the wait", () => server.stats.waitingHandlers === 1);
    gate.open("/0");
    gate.open("/1");
    assertEquals((await second.readResponse()).text, "/1");
    assertEquals((await first.readResponse()).text, "/0");
  });
});

Deno.test("a refusal is no error of the handler", async () => {
  const gate = new Gate();
  const errors: unknown[] = [];
  const options: ServerOptions = {
    handlerLimit: 1,
    handlerQueueLimit: 0,
    onError: (error) => {
      errors.push(error);
      return new Response(null, { status: 500 });
    },
    renderError: (error, request) => {
      errors.push([error instanceof HttpError, request?.url]);
      return new Response("full");
    },
  };
  await withServer(gate.handler, options, async ({ connect, log }) => {
    const first = connect();
    await first.send(get("/0"));
    await gate.arrival("/0");
    const response = await connect().request(get("/1"));
    assertEquals([response.status, response.text], [503, "full"]);
    gate.open("/0");
    await first.readResponse();
    assertEquals([errors, log.length], [[[true, "http://a/1"]], 0]);
  });
});

// ------------------------------------------------------------------------------------------------ memory

Deno.test("9800 requests that left while they waited leave no memory behind", async () => {
  const script = new URL("../support/departed_requests.ts", import.meta.url).pathname;
  const flags = ["--no-check", "-A", "--v8-flags=--expose-gc"];
  const { code, stdout, stderr } = await runTool(
    Deno.execPath(),
    ["run", ...flags, script, "49", "200", "65536"],
    120_000,
  );
  assertEquals([code, stderr], [0, ""]);
  const { before, most, after } = JSON.parse(stdout);
  assert(most - before > 10, `200 that wait hold their bodies: ${most - before} MiB`);
  assert(after - before < 50, `those that left hold next to nothing, and not ${after - before} MiB`);
});
