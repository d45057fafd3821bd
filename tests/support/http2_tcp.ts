/**
 * HTTP/2 over real sockets, for what a connection in memory cannot show.
 *
 * @module
 */

import type { Handler } from "../../mod.ts";
import { until } from "./deadline.ts";
import { Http2Client, type Http2Options } from "./http2_client.ts";
import { type ServerOptions, type TcpHarness, withTcpServer } from "./server.ts";

/** What a test gets of a server on a port whose clients speak HTTP/2. */
export interface Http2TcpHarness extends Pick<TcpHarness, "server" | "port" | "origin"> {
  /** A further connection that speaks HTTP/2, closed when the test ends. */
  connect(options?: Http2Options): Promise<Http2Client>;
}

/** Runs a test against a server on a free port of the loopback interface. */
export async function withHttp2Tcp<T>(
  handler: Handler,
  options: ServerOptions,
  run: (harness: Http2TcpHarness) => Promise<T>,
): Promise<T> {
  return await withTcpServer(handler, options, async ({ server, port, origin }) => {
    const opened: Http2Client[] = [];
    async function connect(connecting: Http2Options = {}): Promise<Http2Client> {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      connection.setNoDelay(true);
      const { port: own } = connection.localAddr as Deno.NetAddr;
      const find = () => [...server.clients].find(({ remotePort }) => remotePort === own);
      await until("the server's side of the connection", () => find() !== undefined);
      const client = new Http2Client(connection, find()!, connecting);
      opened.push(client);
      return client;
    }
    const [outcome] = await Promise.allSettled([run({ server, port, origin, connect })]);
    const endings = await Promise.allSettled(opened.map((client) => client.close()));
    if (outcome.status === "rejected") throw outcome.reason;
    for (const ending of endings) if (ending.status === "rejected") throw ending.reason;
    return outcome.value;
  });
}
