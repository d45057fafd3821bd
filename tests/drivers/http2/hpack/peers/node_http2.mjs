/**
 * Node's http2, which is nghttp2, as the peer. It takes {"steps": [...]} in JSON from stdin; for each of them it sets its
 * SETTINGS_HEADER_TABLE_SIZE to `tables` one after the other, makes a request with `fields`, and is answered with `block`, in hex,
 * by a server that knows no HPACK. It prints for each step what came of the block, and the frame that the request was.
 */

import { Buffer } from "node:buffer";
import { once } from "node:events";
import * as http2 from "node:http2";
import * as net from "node:net";
import process from "node:process";
import { text } from "node:stream/consumers";

const PREFACE_SIZE = 24;
const [HEADERS, RST_STREAM, SETTINGS, GOAWAY] = [1, 3, 4, 7];
const [ACK, END_STREAM_AND_HEADERS] = [1, 5];

const { steps } = JSON.parse(await text(process.stdin));
const requests = [];
const lists = [];

function makeFrame(type, flags, streamId, payload = Buffer.alloc(0)) {
  const frame = Buffer.alloc(9 + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame.writeUInt8(type, 3);
  frame.writeUInt8(flags, 4);
  frame.writeUInt32BE(streamId, 5);
  payload.copy(frame, 9);
  return frame;
}

function answer(socket, frame) {
  const [type, flags, streamId] = [frame[3], frame[4], frame.readUInt32BE(5)];
  if (type === SETTINGS && flags !== ACK) socket.write(makeFrame(SETTINGS, ACK, 0));
  // Node says nothing of a session that it ends for a block
  if (type === RST_STREAM) fail(`RST_STREAM with code ${frame.readUInt32BE(9)}`);
  if (type === GOAWAY && frame.readUInt32BE(13) !== 0) fail(`GOAWAY with code ${frame.readUInt32BE(13)}`);
  if (type !== HEADERS) return;
  const block = Buffer.from(steps[requests.length].block, "hex");
  requests.push(frame.toString("hex"));
  socket.write(makeFrame(HEADERS, END_STREAM_AND_HEADERS, streamId, block));
}

const server = net.createServer((socket) => {
  let input = Buffer.alloc(0);
  let skip = PREFACE_SIZE;
  socket.setNoDelay(true);
  socket.write(makeFrame(SETTINGS, 0, 0));
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    input = Buffer.concat([input, chunk]);
    for (;;) {
      if (input.length < skip + 9) return;
      const end = skip + 9 + input.readUIntBE(skip, 3);
      if (input.length < end) return;
      answer(socket, input.subarray(skip, end));
      input = input.subarray(end);
      skip = 0;
    }
  });
});

function setTable(client, headerTableSize) {
  return new Promise((resolve, reject) => {
    client.settings({ headerTableSize }, (error) => error ? reject(error) : resolve());
  });
}

/** A block that the peer cannot decode ends its session. */
function fail(what) {
  console.error(`step ${lists.length}: ${what}`);
  process.exit(1);
}

/** The fields of a response in their order, each with whether it was never to be indexed. */
async function ask(client, fields) {
  const stream = client.request(fields);
  const [headers, , raw] = await once(stream, "response");
  stream.resume();
  if (!stream.closed) await once(stream, "close");
  const sensitive = headers[http2.sensitiveHeaders] ?? [];
  return Array.from({ length: raw.length / 2 }, (_, index) => {
    const name = raw[2 * index];
    return [name, raw[2 * index + 1], sensitive.includes(name)];
  });
}

server.listen(0, "127.0.0.1");
await once(server, "listening");
const client = http2.connect(`http://127.0.0.1:${server.address().port}`, { maxHeaderListPairs: 1000 });
client.on("error", fail);
client.once("close", () => lists.length < steps.length && fail("the session ended"));
for (const { tables, fields } of steps) {
  for (const size of tables) await setTable(client, size);
  lists.push(await ask(client, fields));
}
client.destroy();
server.close();
console.log(JSON.stringify(lists.map((list, index) => ({ list, request: requests[index] }))));
