/**
 * Servers for tests: in memory through `server.accept()`, and on a real port. Each test leaves its server stopped, and
 * fails when a client is left over.
 *
 * @module
 */

import { type Client, type Connection, type Handler, HttpServer } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { assert, assertEquals } from "./assert.ts";
import { within } from "./deadline.ts";
import { RawClient } from "./raw_client.ts";

/** What an `HttpServer` is made with. */
export type ServerOptions = NonNullable<ConstructorParameters<typeof HttpServer>[1]>;

/** Every standard method, those among them that reach no handler by default. */
export const everyMethod: readonly string[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
];

/** How a client of a test connects. */
export interface ConnectOptions {
  /** How many bytes the server gets from one read at most. */
  readonly step?: number;
  /** Whether the connection says that it is encrypted. */
  readonly encrypted?: boolean;
  /** How long one read of the client may take, in milliseconds. */
  readonly deadline?: number;
}

/** A raw client together with what the server made of it. */
export class AcceptedClient extends RawClient {
  /** The server's side of this connection. */
  readonly client: Client;

  constructor(connection: Connection, client: Client, deadline?: number) {
    super(connection, deadline);
    this.client = client;
  }

  /** Resolves when the server is done with the connection in both directions, without the client's help. */
  async serverClosed(milliseconds?: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.client.onClose(() => resolve()));
    await within("the server's close", closed, milliseconds);
  }
}

/** What a test gets of a server in memory. */
export interface Harness {
  readonly server: HttpServer;
  /** What the server logged: the arguments of each call. */
  readonly log: readonly (readonly unknown[])[];
  /** A further connection, closed when the test ends. */
  connect(options?: ConnectOptions): AcceptedClient;
}

/** Runs a test against a server that is given connections in memory. */
export async function withServer<T>(
  handler: Handler,
  options: ServerOptions,
  run: (harness: Harness) => Promise<T>,
): Promise<T> {
  const log: unknown[][] = [];
  const server = new HttpServer(handler, { log: (...entry: unknown[]) => void log.push(entry), ...options });
  const opened: RawClient[] = [];
  function connect({ step, encrypted, deadline }: ConnectOptions = {}): AcceptedClient {
    const pair = connectionPair();
    const client = server.accept(disguise(pair.server, { step, alpn: encrypted ? "http/1.1" : undefined }));
    const accepted = new AcceptedClient(pair.client, client, deadline);
    opened.push(accepted);
    return accepted;
  }
  return await finish(server, opened, run({ server, log, connect }));
}

/** What a test gets of a server on a port. */
export interface TcpHarness {
  readonly server: HttpServer;
  readonly port: number;
  /** The origin, without a slash at its end. */
  readonly origin: string;
  /** A further TCP connection, closed when the test ends. */
  connect(deadline?: number): Promise<RawClient>;
}

/** Runs a test against a server on a free port of the loopback interface. */
export async function withTcpServer<T>(
  handler: Handler,
  options: ServerOptions,
  run: (harness: TcpHarness) => Promise<T>,
): Promise<T> {
  const server = new HttpServer(handler, { log: () => {}, ...options });
  const { addr } = server.listen({ hostname: "127.0.0.1", port: 0 });
  assert(addr.transport === "tcp", "the listener has a port");
  const { port } = addr;
  const opened: RawClient[] = [];
  async function connect(deadline?: number): Promise<RawClient> {
    const client = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }), deadline);
    opened.push(client);
    return client;
  }
  return await finish(server, opened, run({ server, port, origin: `http://127.0.0.1:${port}`, connect }));
}

/** Awaits the test, then ends what is open; the test's own failure comes first. */
async function finish<T>(
  server: HttpServer,
  opened: readonly RawClient[],
  test: Promise<T>,
): Promise<T> {
  const [outcome] = await Promise.allSettled([test]);
  const [ending] = await Promise.allSettled([end(server, opened)]);
  if (outcome.status === "rejected") throw outcome.reason;
  if (ending.status === "rejected") throw ending.reason;
  return outcome.value;
}

async function end(server: HttpServer, opened: readonly RawClient[]): Promise<void> {
  await Promise.all(opened.map((client) => client.close()));
  const patience = server.stats.runningHandlers > 0 ? 20 : 1_000; // some handlers never end
  await within("the server's stop", server.stop(patience));
  assertEquals(server.clients.size, 0, "clients left after stop()");
}

/** The same connection, read in small steps, or with a TLS handshake to its name. */
export function disguise(
  connection: Connection,
  { step, alpn }: { readonly step?: number | undefined; readonly alpn?: string | undefined },
): Connection {
  if (step === undefined && alpn === undefined) return connection;
  const { closeWrite } = connection;
  return {
    get localAddr() {
      return connection.localAddr;
    },
    get remoteAddr() {
      return connection.remoteAddr;
    },
    read: (buffer) => connection.read(buffer.subarray(0, step)),
    write: (data) => connection.write(data),
    close: () => connection.close(),
    ...(closeWrite && { closeWrite: () => closeWrite.call(connection) }),
    ...(alpn !== undefined && { handshake: () => Promise.resolve({ alpnProtocol: alpn }) }),
  };
}
