/** What cannot be undercut: reads, and writes an answer to whatever came. It parses nothing. */
import { announce } from "./arguments.ts";

const ANSWER = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\ncontent-length: 13\r\n" +
    "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\nHello, World!",
);

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
announce((listener.addr as Deno.NetAddr).port);
for await (const connection of listener) answer(connection);

async function answer(connection: Deno.TcpConn): Promise<void> {
  connection.setNoDelay(true);
  const buffer = new Uint8Array(4096);
  try {
    while (await connection.read(buffer) !== null) await connection.write(ANSWER);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  } finally {
    connection.close();
  }
}
