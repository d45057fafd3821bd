/**
 * Connections that are closed and cost a descriptor all the same: those of TLS whose peers neither go on nor
 * leave.
 */

import { type Client, type Connection, type Handler, HttpServer } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { makeCertificate, openssl } from "../attacks/certificates.ts";
import { openDescriptors } from "../attacks/descriptors.ts";
import { assert, assertEquals, rejection } from "../support/assert.ts";
import { steady, turns, until, within } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { RawClient } from "../support/raw_client.ts";
import { type ServerOptions, withServer } from "../support/server.ts";
import { testWithTool } from "../support/tools.ts";

const get = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** What a test gets of a server with TLS. */
interface TlsHarness {
  readonly server: HttpServer;
  /** A further connection that says nothing, closed when the test ends. */
  connect(): Promise<Deno.TcpConn>;
  /** The same with TLS. */
  connectTls(): Promise<Deno.TlsConn>;
}

function tlsTest(
  name: string,
  options: ServerOptions & { readonly handler?: Handler },
  run: (harness: TlsHarness) => Promise<void>,
): void {
  testWithTool(openssl, "openssl", name, async (path) => {
    const { cert, key, authority } = await makeCertificate(path);
    const { handler = () => new Response("ok"), ...limits } = options;
    const server = new HttpServer(handler, { log: () => {}, ...limits });
    const { addr } = server.listen({ hostname: "127.0.0.1", port: 0, cert, key });
    assert(addr.transport === "tcp", "the listener has a port");
    const { port } = addr;
    const opened: Deno.Conn[] = [];
    const keep = <T extends Deno.Conn>(connection: T): T => {
      opened.push(connection);
      return connection;
    };
    const connect = async () => keep(await Deno.connect({ hostname: "127.0.0.1", port }));
    const connectTls = async () =>
      keep(await Deno.connectTls({ hostname: "localhost", port, caCerts: [authority] }));
    try {
      await run({ server, connect, connectTls });
    } finally {
      for (const connection of opened) connection[Symbol.dispose]();
      await within("the stop", server.stop(1_000));
      assertEquals(server.clients.size, 0);
    }
  });
}

/** Whether all of the clients are closed. */
function allClosed(clients: Iterable<Client>): boolean {
  return [...clients].every(({ status }) => status === 3);
}

tlsTest(
  "200 TLS handshakes that are given up count for as long as Deno keeps their sockets",
  { tlsSetupTimeout: 200 },
  async ({ server, connect }) => {
    const before = openDescriptors();
    const peers = await Promise.all(Array.from({ length: 200 }, connect));
    await until("all clients", () => server.stats.clients === 200);
    await until("their end", () => allClosed(server.clients));
    await steady(() => server.stats.clients);
    assertEquals([server.stats.clients, server.clients.size], [200, 200]);
    if (before > 0) assert(openDescriptors() >= before + 400, "both sides are open");
    for (const peer of peers.slice(50)) peer.close();
    await until("the end of those that have left", () => server.stats.clients === 50);
    for (const peer of peers.slice(0, 50)) peer.close();
    await until("the end of all", () => server.stats.clients === 0);
    await until("the close of every descriptor", () => openDescriptors() <= before);
  },
);

tlsTest(
  "connectionLimit bounds the descriptors of TLS handshakes that are given up, and others come in as they leave",
  { tlsSetupTimeout: 100, connectionLimit: 20 },
  async ({ server, connect, connectTls }) => {
    const peers = await Promise.all(Array.from({ length: 60 }, connect));
    await until("all clients", () => server.stats.clients === 20 && allClosed(server.clients));
    assertEquals(await steady(() => server.stats.accepted), 20);
    for (const peer of peers) peer.close();
    const client = new RawClient(await connectTls());
    assertEquals((await client.request(get)).text, "ok");
  },
);

tlsTest(
  "a TLS handshake that is completed after tlsSetupTimeout ends the connection",
  { tlsSetupTimeout: 100 },
  async ({ server, connect }) => {
    const peer = await connect();
    await until("the client", () => server.clients.size === 1);
    await until("its end", () => allClosed(server.clients));
    const late = await Deno.startTls(peer, { hostname: "localhost" });
    await rejection(within("the handshake", late.handshake()), "a handshake with an unknown authority");
    await until("the end of all", () => server.stats.clients === 0);
    late.close();
  },
);

tlsTest(
  "HttpServer.stop() does not wait for handshakes that were given up, nor for those under way",
  { tlsSetupTimeout: 200 },
  async ({ server, connect }) => {
    for (let count = 0; count < 5; count++) await connect();
    await until("all clients", () => server.stats.clients === 5 && allClosed(server.clients));
    for (let count = 0; count < 5; count++) await connect();
    await until("all clients", () => server.stats.clients === 10);
    await within("the stop", server.stop(100), 1_000);
    assertEquals([server.stats.clients, server.clients.size], [0, 0]);
  },
);

tlsTest(
  "a TLS connection whose peer reads no further counts until the peer has left",
  {
    handler: () => new Response(new Uint8Array(32 * 2 ** 20)),
    streamTimeout: 300,
    minimumResponseRate: 2 ** 40,
  },
  async ({ server, connectTls }) => {
    const before = openDescriptors();
    const peer = await connectTls();
    await peer.write(new TextEncoder().encode(get));
    await until("the client", () => server.clients.size === 1);
    await until("its end", () => allClosed(server.clients));
    assertEquals(await steady(() => server.stats.clients), 1);
    peer.close();
    await until("the end of all", () => server.stats.clients === 0);
    await until("the close of every descriptor", () => openDescriptors() <= before);
  },
);

tlsTest(
  "what was taken over of a TLS connection is interrupted when it is closed, also where Deno keeps the socket",
  {
    handler: (_, { client }) => {
      const connection = client.export();
      taken.resolve({ connection, client });
      return new Response();
    },
  },
  async ({ server, connectTls }) => {
    const peer = await connectTls();
    await peer.write(new TextEncoder().encode(get));
    const { connection, client } = await taken.promise;
    const reading = rejection(connection.read(new Uint8Array(10)), "the read");
    const writing = rejection(writeEndlessly(connection), "the writes");
    await steady(() => server.stats.clients);
    connection.close();
    assert(
      await within("the end of the read", reading) instanceof Deno.errors.Interrupted,
      "it is interrupted",
    );
    assert(
      await within("the end of the write", writing) instanceof Deno.errors.Interrupted,
      "it is interrupted",
    );
    const late = await rejection(connection.read(new Uint8Array(10)), "a further read");
    assert(late instanceof Deno.errors.BadResource, "the connection is closed");
    assertEquals([client.status, await steady(() => server.stats.clients)], [3, 1]);
    peer.close();
    await until("the end of all", () => server.stats.clients === 0);
  },
);

const taken = Promise.withResolvers<{ connection: Connection; client: Client }>();

async function writeEndlessly(connection: Connection): Promise<void> {
  for (;;) await connection.write(new Uint8Array(65_536));
}

// By address: an address of its own is only had in memory.

/** A connection of which the peer says nothing, as Deno's is: only its class tells it from others. */
class TlsConn implements Connection {
  readonly remoteAddr: Deno.Addr;
  readonly localAddr: Deno.Addr = { transport: "tcp", hostname: "192.0.2.100", port: 443 };
  readonly #left = Promise.withResolvers<never>();

  constructor(hostname: string) {
    this.remoteAddr = { transport: "tcp", hostname, port: 50_000 };
    this.#left.promise.catch((error) => error);
  }

  handshake(): Promise<never> {
    return this.#left.promise;
  }

  closeWrite(): Promise<never> {
    return this.#left.promise;
  }

  read(): Promise<never> {
    return this.#left.promise;
  }

  write(): Promise<never> {
    return this.#left.promise;
  }

  /** The peer leaves. */
  leave(): void {
    this.#left.reject(new Deno.errors.UnexpectedEof("gone"));
  }

  close(): void {
    this.#left.reject(new Deno.errors.Interrupted("closed"));
  }
}

Deno.test("connectionsPerIpLimit counts TLS handshakes until they are gone, given up or refused (RFC 9112 §9.4)", async () => {
  const options = { connectionsPerIpLimit: 2, tlsSetupTimeout: 1_000 };
  await withServer(() => new Response("ok"), options, async ({ server }) => {
    using time = new FakeTime();
    const connect = (hostname = "192.0.2.1") => {
      const connection = new TlsConn(hostname);
      return { connection, client: server.accept(connection) };
    };
    const [first, second, third] = [connect(), connect(), connect()];
    assertEquals([first.client.status, second.client.status, third.client.status], [0, 0, 3]);
    await time.pass(1_300);
    assertEquals([first.client.status, second.client.status, server.stats.clients], [3, 3, 3]);
    first.connection.leave();
    await time.settle();
    const [fourth, other] = [connect(), connect("192.0.2.2")];
    assertEquals([fourth.client.status, other.client.status], [3, 0]);
    for (const { connection } of [second, third, fourth]) connection.leave();
    await time.settle();
    assertEquals([connect().client.status, server.stats.clients], [0, 2]);
  });
});

Deno.test("TLS connections above connectionsPerIpLimit take no places of connectionLimit (RFC 9112 §9.4)", async () => {
  const options = { connectionLimit: 4, connectionsPerIpLimit: 2 };
  await withServer(() => new Response("ok"), options, async ({ server }) => {
    const silent = Array.from({ length: 8 }, () => new TlsConn("192.0.2.1"));
    const other = new TlsConn("192.0.2.2");
    const statuses = [...silent, other].map((connection) => server.accept(connection).status);
    assertEquals(statuses, [0, 0, 3, 3, 3, 3, 3, 3, 0]);
    for (const connection of [...silent, other]) connection.leave();
    await until("the end of all", () => server.stats.clients === 0);
    const later = Array.from({ length: 5 }, (_, index) => new TlsConn(`192.0.2.${index}`));
    assertEquals(later.map((connection) => server.accept(connection).status), [0, 0, 0, 0, 3]);
    for (const connection of later) connection.leave();
  });
});

Deno.test("a connection that fails to close ends its client all the same", async () => {
  await withServer(() => new Response("ok"), {}, async ({ server, log }) => {
    const pair = connectionPair();
    const client = server.accept(Object.assign(pair.server, {
      close: () => {
        throw new RangeError("no");
      },
    }));
    let closed = 0;
    client.onClose(() => closed++);
    client.close();
    await turns(1);
    assertEquals([closed, client.status, server.clients.size, log.length], [1, 3, 0, 1]);
    pair.client.close();
  });
});
