/** Load: many connections, large bodies, and the memory of the server that bears them. */

import { assert, assertEquals } from "../support/assert.ts";
import { latin1 } from "../support/bytes.ts";
import { pass, within } from "../support/deadline.ts";
import { RawClient } from "../support/raw_client.ts";

const MEBIBYTE = 1024 * 1024;
const GIBIBYTE = 1024 * MEBIBYTE;
/** What the server's process may have of memory at its highest, in MiB. */
const memoryLimit = 150;
const script = new URL("../support/load_server.ts", import.meta.url);

/** Runs a test against a server in a process of its own. */
async function withProcess(run: (port: number) => Promise<void>): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script.href],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const { value = "" } = await within("the server's start", lines.read(), 20_000);
    await run(Number(value));
  } finally {
    await child.stdin.close();
    await lines.cancel();
    await within("the server's end", child.status, 10_000);
  }
}

async function ask(port: number, path: string): Promise<unknown> {
  const client = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  try {
    const { status, text } = await client.request(
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    assertEquals(status, 200);
    return JSON.parse(text);
  } finally {
    await client.close();
  }
}

async function expectMemoryBelow(port: number, limit: number): Promise<void> {
  const memory = await ask(port, "/memory");
  assert(typeof memory === "number" && memory > 0, "a number of MiB");
  assert(memory < limit, `the server had ${Math.round(memory)} MiB at its highest, of ${limit} allowed`);
}

/** Makes `count` requests one after the other on one connection. */
async function visit(port: number, count: number): Promise<number> {
  const client = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }), 30_000);
  let good = 0;
  for (let turn = 0; turn < count; turn++) {
    const { status, text } = await client.request("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    if (status === 200 && text === "Hello, World!") good++;
  }
  await client.close();
  return good;
}

Deno.test("10 000 requests over 100 connections are all answered, and no client is left", async () => {
  await withProcess(async (port) => {
    const results = await Promise.all(Array.from({ length: 100 }, () => visit(port, 100)));
    assertEquals(results.reduce((sum, good) => sum + good, 0), 10_000);
    const stats = await ask(port, "/stats") as Record<string, number>;
    const { accepted, clients, errors, pendingRequests, runningHandlers } = stats;
    assertEquals({ accepted, clients, errors, pendingRequests, runningHandlers }, {
      accepted: 101,
      clients: 1,
      errors: 0,
      pendingRequests: 0,
      runningHandlers: 1,
    });
  });
});

Deno.test("1000 connections that come and go, some in the middle of a request, leave no client", async () => {
  await withProcess(async (port) => {
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 50 }, async (_, index) => {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port });
        const whole = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
        await connection.write(latin1(index % 3 === 0 ? whole.slice(0, index % whole.length) + "x" : whole));
        if (index % 3 === 1) await connection.read(new Uint8Array(1000));
        connection.close();
      }));
    }
    await pass(300);
    const { accepted, clients } = await ask(port, "/stats") as Record<string, number>;
    assertEquals({ accepted, clients }, { accepted: 1001, clients: 1 });
  });
});

for (const framing of ["Content-Length", "chunks"] as const) {
  Deno.test(`an upload of 1 GiB by ${framing} to a handler with rests stays below ${memoryLimit} MiB`, async () => {
    await withProcess(async (port) => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      const client = new RawClient(connection, 60_000);
      const piece = new Uint8Array(MEBIBYTE);
      const lines = framing === "chunks" ? "Transfer-Encoding: chunked" : `Content-Length: ${GIBIBYTE}`;
      await client.send(`POST /upload HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`);
      for (let sent = 0; sent < GIBIBYTE; sent += piece.length) {
        if (framing === "chunks") await client.send(`${piece.length.toString(16)}\r\n`);
        await client.send(piece);
        if (framing === "chunks") await client.send("\r\n");
      }
      if (framing === "chunks") await client.send("0\r\n\r\n");
      assertEquals((await client.readResponse()).text, `${GIBIBYTE}`);
      await client.close();
      await expectMemoryBelow(port, memoryLimit);
    });
  });
}

Deno.test(`a download of 1 GiB to a client with rests stays below ${memoryLimit} MiB`, async () => {
  await withProcess(async (port) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(
      latin1(`GET /download?size=${GIBIBYTE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
    );
    await pass(500);
    const buffer = new Uint8Array(256 * 1024);
    let received = 0;
    let rested = 0;
    for (;;) {
      const count = await within("a read", connection.read(buffer), 30_000);
      if (count === null) break;
      received += count;
      if (received - rested > 64 * MEBIBYTE) {
        rested = received;
        await pass(50);
      }
    }
    connection.close();
    assert(received >= GIBIBYTE && received < GIBIBYTE * 1.01, `${received} bytes came`);
    await expectMemoryBelow(port, memoryLimit);
  });
});

Deno.test(`50 clients that do not read 16 MiB each stay below ${memoryLimit} MiB together`, async () => {
  await withProcess(async (port) => {
    const connections = await Promise.all(Array.from({ length: 50 }, async () => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(latin1(`GET /download?size=${16 * MEBIBYTE} HTTP/1.1\r\nHost: a\r\n\r\n`));
      return connection;
    }));
    await pass(1_000);
    await expectMemoryBelow(port, memoryLimit);
    for (const connection of connections) connection.close();
  });
});
