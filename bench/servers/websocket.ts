/** An echo of WebSocket messages, by Drover or by `Deno.serve`: `websocket.ts drover|deno`. */
import { serve } from "../../mod.ts";
import { upgradeWebSocket } from "../../websocket/mod.ts";
import { announce } from "./arguments.ts";

const where = { hostname: "127.0.0.1", port: 0, onListen: ({ port }: { port: number }) => announce(port) };

if (Deno.args[0] === "drover") {
  serve(where, (request) => {
    const { socket, response } = upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
} else {
  Deno.serve(where, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
}
