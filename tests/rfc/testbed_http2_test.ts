/** The routes of the testbed over HTTP/2, in the clear and over TLS, as Node's client sees them. */

import { makeCertificate, openssl } from "../attacks/certificates.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { withProgram } from "../support/program.ts";
import { findTool, runTool, testWithTool } from "../support/tools.ts";

const node = findTool("node");

/** Asks for each path of its standard input's JSON, one after the other on one session, and prints what it got. */
const program = `
const http2 = require("node:http2");
const [, origin, list] = process.argv;
const session = http2.connect(origin, { rejectUnauthorized: false });
const pushed = [];
session.on("stream", (stream, headers) => { pushed.push(headers[":path"]); stream.resume(); });
function ask([method, path, body]) {
  return new Promise((resolve, reject) => {
    const request = session.request({ ":method": method, ":path": path, "user-agent": "test" });
    const answer = { path, status: 0, length: 0, text: "", trailers: {}, interim: [], link: null };
    request.on("headers", (fields) => answer.interim.push(fields[":status"]));
    request.on("response", (fields) => {
      answer.status = fields[":status"];
      answer.link = fields.link ?? null;
    });
    request.on("trailers", (fields) => answer.trailers = { ...fields });
    request.on("data", (piece) => { answer.length += piece.length; answer.text += answer.length < 1000 ? piece : ""; });
    request.on("end", () => resolve(answer));
    request.on("error", reject);
    if (method !== "GET" && method !== "HEAD") request.end(body);
  });
}
(async () => {
  const answers = [];
  for (const asked of JSON.parse(list)) answers.push(await ask(asked));
  console.log(JSON.stringify({ answers, pushed }));
  session.close();
})();
`;

interface Answer {
  readonly path: string;
  readonly status: number;
  readonly length: number;
  readonly text: string;
  readonly trailers: Readonly<Record<string, string>>;
  readonly interim: readonly number[];
  readonly link: string | null;
}

/** What is asked for, and what is to be seen of the answer. */
const ROUTES: readonly (readonly [method: string, path: string, body: string, seen: Partial<Answer>])[] = [
  ["GET", "/", "", { status: 200, text: "Hello, World!" }],
  ["POST", "/echo", "hello", { status: 200, text: "hello" }],
  ["PUT", "/echo", "x".repeat(50_000), { status: 200, length: 50_000 }],
  ["GET", "/json", "", {
    status: 200,
    text: `{"hello":"world","path":"/json","userAgent":"test","accept":null}`,
  }],
  ["GET", "/bytes?n=1000000", "", { status: 200, length: 1_000_000 }],
  ["HEAD", "/bytes?n=1000000", "", { status: 200, length: 0 }],
  ["GET", "/text", "", { status: 200, length: 65_536 }],
  ["GET", "/stream?chunks=10&size=1000&delay=1", "", { status: 200, length: 10_000 }],
  ["GET", "/events?n=3&delay=1", "", { status: 200 }],
  ["GET", "/slow?ms=10", "", { status: 200 }],
  ["POST", "/discard", "12345", { status: 200, text: `{"bytes":5}` }],
  ["POST", "/ignore", "12345", { status: 200 }],
  ["POST", "/limited?max=5", "12345", { status: 200, text: `{"bytes":5}` }],
  ["POST", "/limited?max=4", "12345", { status: 413 }],
  ["GET", "/status?code=204", "", { status: 204, length: 0 }],
  ["GET", "/status?code=404", "", { status: 404, text: "status 404" }],
  ["GET", "/throw", "", { status: 500 }],
  ["GET", "/error?code=418", "", { status: 418 }],
  ["GET", "/trailers", "", {
    status: 200,
    text: "with trailers",
    trailers: { "x-checksum": "42", "x-late": "yes" },
  }],
  ["GET", "/hints", "", { status: 200, interim: [103] }],
  ["GET", "/push", "", { status: 200, link: "</pushed.css>; rel=preload; as=style" }],
  ["GET", "/stats", "", { status: 200 }],
  ["GET", "/files/robots.txt", "", { status: 200 }],
  ["GET", "/nothing", "", { status: 404 }],
];

/** Runs the testbed with some flags, and gives its origin. */
async function withTestbed(flags: readonly string[], run: (origin: string) => Promise<void>): Promise<void> {
  const code = await withProgram("examples/testbed.ts", ["--port", "0", ...flags], async (line) => {
    await run(/listening (\S+)\/\n/.exec(line)?.[1] ?? "");
  });
  assertEquals(code, 0);
}

async function askAll(path: string, origin: string): Promise<void> {
  const list = JSON.stringify(ROUTES.map(([method, path, body]) => [method, path, body]));
  const { code, stdout, stderr } = await runTool(path, ["-e", program, origin, list], 40_000);
  assertEquals(code, 0, stderr);
  const { answers, pushed } = JSON.parse(stdout) as { answers: Answer[]; pushed: string[] };
  ROUTES.forEach(([, path, , seen], index) => {
    const answer = answers[index];
    assert(answer !== undefined, path);
    for (const [name, value] of Object.entries(seen)) {
      assertEquals(answer[name as keyof Answer], value, `${name} of ${path}`);
    }
  });
  assertEquals(pushed, ["/pushed.css"]);
}

testWithTool(
  node,
  "node",
  "the testbed's routes answer over HTTP/2 by prior knowledge (RFC 9113 §3.3)",
  async (path) => {
    await withTestbed([], (origin) => askAll(path, origin));
  },
);

testWithTool(
  openssl === null ? null : node,
  "node or openssl",
  "the testbed's routes answer over HTTP/2 by ALPN (RFC 9113 §3.2)",
  async (path) => {
    const { cert, key } = await makeCertificate(openssl!);
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/cert.pem`, cert);
      await Deno.writeTextFile(`${folder}/key.pem`, key);
      const flags = ["--cert", `${folder}/cert.pem`, "--key", `${folder}/key.pem`];
      await withTestbed(flags, (origin) => askAll(path, origin));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
