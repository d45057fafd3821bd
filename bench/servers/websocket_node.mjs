// An echo of WebSocket messages by npm's ws, run by Node itself: `node websocket_node.mjs URL-OF-WS`.
import process from "node:process";

const { WebSocketServer } = await import(process.argv[2]);
const server = new WebSocketServer({ host: "127.0.0.1", port: 0 }, () => {
  console.log(`port ${server.address().port}`);
});
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
