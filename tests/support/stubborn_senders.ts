/**
 * Clients that send on and on, and give up at the first write that fails without a look at what has come, as Node's sockets do.
 * Prints how many of them saw which status.
 *
 *     deno run -A tests/support/stubborn_senders.ts PORT COUNT FIRST MORE
 *
 * @module
 */

import { connect } from "node:net";

const [port, count, first = "", more = ""] = Deno.args;
const seen: Record<string, number> = {};

function sendOnAndOn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect(Number(port), "127.0.0.1");
  const piece = more.repeat(Math.ceil(8192 / more.length));
  let received = "";
  function pump(): void {
    while (socket.writable && socket.write(piece));
  }
  socket.on("connect", () => {
    socket.write(first);
    pump();
  });
  socket.on("drain", pump);
  socket.on("data", (data) => {
    received += data.toString("latin1");
    if (received.includes("\r\n\r\n")) socket.destroy();
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    const status = /^HTTP\/1\.[01] (\d{3}) /.exec(received)?.[1] ?? "none";
    seen[status] = (seen[status] ?? 0) + 1;
    resolve();
  });
  return promise;
}

await Promise.all(Array.from({ length: Number(count) }, sendOnAndOn));
console.log(JSON.stringify(seen));
