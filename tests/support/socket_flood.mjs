// A client whose socket never rests: `node socket_flood.mjs KIND PORT PATH` floods over HTTP/1.1 until it is killed or refused;
// with `h2` behind it, by extended CONNECT over HTTP/2. It runs on Deno and on Node.

import { connect as connectTcp } from "node:net";
import { connect as connectHttp2 } from "node:http2";
import { deflateRawSync } from "node:zlib";
import process from "node:process";
import { Buffer } from "node:buffer";

const SIZE = 256 * 1024;

/** A frame under a mask of zeros. */
function frame(first, payload = Buffer.alloc(0)) {
  const head = payload.length < 126
    ? [first, 0x80 | payload.length]
    : [first, 0x80 | 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}

function repeat(bytes, size = SIZE) {
  return Buffer.concat(Array.from({ length: Math.ceil(size / bytes.length) }, () => bytes));
}

function bomb() {
  const whole = deflateRawSync(Buffer.alloc(1024 * 1024), { finishFlush: 2 });
  return frame(0xc2, whole.subarray(0, whole.length - 4));
}

const X = Buffer.from("x");

/** What each kind of flood says first, and what it repeats then. */
const KINDS = {
  pings: () => ["", frame(0x89)],
  pongs: () => ["", frame(0x8a)],
  messages: () => ["", frame(0x81, X)],
  bombs: () => ["", bomb()],
  empty: () => [frame(0x01), frame(0x00)],
  fragments: () => ["", Buffer.concat([frame(0x01, X), repeat(frame(0x00, X)), frame(0x80, X)])],
};

function flood(stream, first, bytes) {
  if (first.length > 0) stream.write(first);
  const more = () => {
    while (stream.write(bytes));
    stream.once("drain", more);
  };
  more();
}

const [kind, port, path, version] = process.argv.slice(2);
const [first, unit] = KINDS[kind]();
const bytes = repeat(unit);

if (version === "h2") {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => process.exit(0));
  session.on("remoteSettings", () => {
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":path": path,
      "sec-websocket-version": "13",
      "sec-websocket-extensions": "permessage-deflate",
    });
    stream.on("error", () => {});
    stream.on("close", () => console.log("refused"));
    stream.on("data", () => {});
    stream.on("response", () => {
      console.log("flooding");
      flood(stream, first, bytes);
    });
  });
} else {
  const socket = connectTcp(Number(port), "127.0.0.1");
  socket.on("error", () => {});
  socket.on("close", () => console.log("refused"));
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
  );
  socket.once("data", () => {
    console.log("flooding");
    socket.on("data", () => {});
    flood(socket, first, bytes);
  });
}
