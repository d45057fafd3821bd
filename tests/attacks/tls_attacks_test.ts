/** The TLS cases of the attack corpus, as far as HTTP/1.1 shows them. */

import { cpuUsage } from "node:process";
import { HttpServer, Response } from "../../mod.ts";
import { assert, assertEquals, assertOneOf } from "../support/assert.ts";
import { latin1 } from "../support/bytes.ts";
import { until, within } from "../support/deadline.ts";
import { RawClient } from "../support/raw_client.ts";
import { testWithTool } from "../support/tools.ts";
import { makeCertificate, openssl } from "./certificates.ts";
import { captureClientHello, fragment, oldClientHello } from "./client_hello.ts";
import { openDescriptors } from "./descriptors.ts";
import { RawConnection } from "./raw_connection.ts";

const get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** What a test gets of a server with TLS. */
interface TlsHarness {
  readonly server: HttpServer;
  readonly port: number;
  /** A TLS client, closed by whoever asked for it. */
  connect(alpnProtocols?: string[]): Promise<Deno.TlsConn>;
  /** Fails unless a new TLS connection gets its answer. */
  checkAlive(): Promise<void>;
}

/** A test against a server with TLS, which must serve others and let go of everything in the end. */
function tlsTest(name: string, run: (harness: TlsHarness) => Promise<void>): void {
  testWithTool(openssl, "openssl", name, async (path) => {
    const { cert, key, authority } = await makeCertificate(path);
    const server = new HttpServer(() => new Response("over TLS"), { log: () => {}, lingerTimeout: 200 });
    const { addr } = server.listen({ hostname: "127.0.0.1", port: 0, cert, key, tlsSetupTimeout: 500 });
    assert(addr.transport === "tcp", "the listener has a port");
    const { port } = addr;
    function connect(alpnProtocols?: string[]): Promise<Deno.TlsConn> {
      return Deno.connectTls({
        hostname: "localhost",
        port,
        caCerts: [authority],
        ...(alpnProtocols && { alpnProtocols }),
      });
    }
    async function checkAlive(): Promise<void> {
      const client = new RawClient(await connect(["http/1.1"]), 1_000);
      try {
        assertEquals((await client.request(get)).text, "over TLS");
      } finally {
        await client.close();
      }
    }
    try {
      await run({ server, port, connect, checkAlive });
      await checkAlive();
      await until("the end of every client", () => server.clients.size === 0);
    } finally {
      await within("the stop", server.stop(1_000));
    }
  });
}

/** Sends bytes in the clear and waits until the server closes; gives what it sent. */
async function refused(
  port: number,
  pieces: readonly Uint8Array[],
  milliseconds: number,
  end = false,
): Promise<string> {
  await using connection = await RawConnection.open(port);
  for (const piece of pieces) await connection.write(piece);
  if (end) await connection.end();
  const until = performance.now() + milliseconds;
  while (connection.ending === null && performance.now() < until) {
    await connection.change(until - performance.now());
  }
  assert(connection.ending !== null, `the server closes within ${milliseconds} ms`);
  return connection.received;
}

tlsTest("plaintext HTTP/2 on a TLS port is closed: tls-plain-h2", async ({ port }) => {
  await refused(port, [latin1("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")], 2_000);
});

tlsTest("plaintext HTTP/1.1 on a TLS port is closed, and not answered: tls-plain-h2", async ({ port }) => {
  const received = await refused(port, [latin1(get)], 2_000);
  assert(!received.includes("over TLS"), "nothing is served in the clear");
});

// Deno 2.9.6 keeps the socket of a TlsConn that is closed in its handshake until the peer ends it: no call frees it. The client
// is closed in time, and counts until then.
tlsTest(
  "a ClientHello byte by byte does not extend tlsSetupTimeout: tls-hello-drip",
  async ({ server, port }) => {
    const hello = await captureClientHello();
    await using connection = await RawConnection.open(port);
    await until("the accept", () => server.stats.clients === 1);
    const [client] = server.clients;
    const start = performance.now();
    for (let index = 0; index < hello.length && client?.status === 0; index++) {
      await connection.write(hello.subarray(index, index + 1));
      await connection.change(20);
    }
    const took = performance.now() - start;
    assert(
      client?.status === 3 && took < 2_000,
      `the client is given up after 500 ms, not ${Math.round(took)}`,
    );
    assertEquals(server.stats.clients, 1);
  },
);

tlsTest("half a ClientHello and FIN: tls-hello-half-fin", async ({ port }) => {
  await refused(port, [(await captureClientHello()).subarray(0, 50)], 2_000, true);
});

tlsTest("half a ClientHello and RST: tls-hello-half-rst", async ({ server, port }) => {
  const hello = await captureClientHello();
  for (let round = 0; round < 20; round++) {
    await using connection = await RawConnection.open(port, { resettable: true });
    await connection.write(hello.subarray(0, 50));
    if (round % 2 === 0) await until("the accept", () => server.stats.accepted > round / 2);
    connection.reset();
  }
});

tlsTest("a ClientHello of garbage is closed: tls-hello-garbage", async ({ port }) => {
  const record = latin1("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\xff".repeat(600));
  await refused(port, [record], 2_000);
});

tlsTest("close_notify in the handshake ends it without a loop: tls-hello-close-notify", async ({ port }) => {
  const before = cpuMilliseconds();
  await refused(port, [await captureClientHello(), latin1("\x15\x03\x03\x00\x02\x01\x00")], 3_000);
  assert(cpuMilliseconds() - before < 500, "little processor time is spent");
});

function cpuMilliseconds(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1_000;
}

tlsTest(
  "a ClientHello in records of one byte is taken or refused: tls-hello-fragmented",
  async ({ port }) => {
    await using connection = await RawConnection.open(port);
    await connection.write(fragment(await captureClientHello()));
    await connection.change(2_000);
    assert(connection.received.length > 0 || connection.isOver, "the server goes on or closes");
  },
);

tlsTest("TLS 1.1 is refused with an alert: tls-v1.1 (RFC 8996)", async ({ port }) => {
  const received = await refused(port, [oldClientHello()], 2_000);
  assertEquals(received.charCodeAt(0), 0x15, "an alert record");
  assertOneOf(received.charCodeAt(6), [70, 40], "protocol_version or handshake_failure");
});

tlsTest("a client without ALPN gets HTTP/1.1: tls-alpn-none (RFC 7301 §3.2)", async ({ connect }) => {
  const connection = await connect();
  assertEquals((await connection.handshake()).alpnProtocol, null);
  await expectAnswer(connection);
});

tlsTest("ALPN http/1.1 is agreed: tls-alpn-h1 (RFC 7301 §3.2)", async ({ connect }) => {
  const connection = await connect(["http/1.1"]);
  assertEquals((await connection.handshake()).alpnProtocol, "http/1.1");
  await expectAnswer(connection);
});

async function expectAnswer(connection: Deno.TlsConn): Promise<void> {
  const client = new RawClient(connection);
  assertEquals((await client.request(get)).text, "over TLS");
  await client.close();
}

// Deno gives the end of the stream only for close_notify, and throws where it is missing.
tlsTest(
  "close_notify is sent before the connection closes: tls-close-notify (RFC 9112 §9.8)",
  async ({ connect }) => {
    const connection = await connect(["http/1.1"]);
    try {
      await connection.write(latin1("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
      const buffer = new Uint8Array(4_096);
      let count: number | null = 0;
      while (count !== null) count = await within("a read", connection.read(buffer), 2_000);
    } finally {
      connection.close();
    }
  },
);

tlsTest("handshakes that fail leave nothing behind: tls-fail-flood", async ({ server, port, checkAlive }) => {
  await checkAlive();
  await until("the end of the first client", () => server.clients.size === 0);
  const before = openDescriptors();
  for (let batch = 0; batch < 10; batch++) {
    await Promise.all(
      Array.from({ length: 20 }, () => refused(port, [latin1("\x16\x03\x01junk")], 3_000, true)),
    );
  }
  await until("the end of every client", () => server.clients.size === 0);
  await until("the close of every descriptor", () => openDescriptors() <= before);
});
