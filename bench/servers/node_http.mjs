// node:http, or node:http2 for h2-*, run by Node itself: `node node_http.mjs WORKLOAD`. The handlers do what those in handlers.ts do.
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { Buffer } from "node:buffer";
import process from "node:process";

const KIB = Buffer.alloc(1024, "x");
const MIB = Buffer.alloc(1024 * 1024, "x");
const TEXT = { "content-type": "text/plain;charset=UTF-8", "content-length": 13 };

const handlers = {
  text: hello,
  pipelined: hello,
  json(request, response) {
    const body = JSON.stringify({
      hello: "world",
      path: new URL(request.url, `http://${request.headers.host}`).pathname,
      userAgent: request.headers["user-agent"],
      accept: request.headers["accept"],
    });
    const length = Buffer.byteLength(body);
    response.writeHead(200, { "content-type": "application/json", "content-length": length }).end(
      body,
    );
  },
  async echo(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    response.writeHead(200, { "content-length": body.length }).end(body);
  },
  pipe(request, response) {
    request.pipe(response);
  },
  stream(_request, response) {
    for (let left = 10; left > 0; left -= 1) response.write(KIB);
    response.end();
  },
  bytes(_request, response) {
    response.writeHead(200, { "content-length": MIB.length }).end(MIB);
  },
};

function hello(_request, response) {
  response.writeHead(200, TEXT).end("Hello, World!");
}

// The compatibility interface, as an Express or Koa application over HTTP/2 has it.
const name = process.argv[2];
const http2Handlers = {
  "h2-text": hello,
  "h2-json": json2,
  "h2-post": handlers.echo,
  "h2-bytes": handlers.bytes,
};

function json2(request, response) {
  const { [":authority"]: host } = request.headers;
  handlers.json({ url: request.url, headers: { ...request.headers, host } }, response);
}

const server = name in http2Handlers ? createHttp2Server(http2Handlers[name]) : createServer(handlers[name]);
server.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
