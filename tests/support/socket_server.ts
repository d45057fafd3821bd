/**
 * A server of sockets in a process of its own: `deno run -A socket_server.ts OPTIONS` with the options of the
 * sockets as JSON. It prints its port. `/echo` sends back what comes, `/sink` drops it, and any other request
 * is answered with a line.
 *
 * @module
 */

import { HttpServer } from "../../mod.ts";
import { upgradeWebSocket } from "../../websocket/mod.ts";

const options = JSON.parse(Deno.args[0] ?? "{}");
const server = new HttpServer((request, exchange) => {
  if (exchange.target !== "/echo" && exchange.target !== "/sink") return new Response("Hello");
  const { socket, response } = upgradeWebSocket(request, options);
  socket.onmessage = ({ data }) => exchange.target === "/echo" && socket.send(data);
  socket.onclose = ({ code, reason }) => console.log(`closed ${code} ${reason}`);
  return response;
}, { extendedConnect: true, allowedMethods: null, log: () => {} });

const { addr } = server.listen({ hostname: "127.0.0.1", port: 0 });
console.log(addr.transport === "tcp" ? addr.port : 0);
