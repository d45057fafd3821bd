// node:http, run by Node itself: `node node_http.mjs WORKLOAD`. The handlers do what those in handlers.ts do.
import { createServer } from "node:http";
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

const server = createServer(handlers[process.argv[2]]);
server.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
