/**
 * Real clients that upload to a handler which answers and does not read: they get the answer, and an end (RFC 9113 §8.1).
 * `drivers/README.md` says which client cannot have both.
 */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { withTcpServer } from "../support/server.ts";
import { findTool, type Ran, runTool, testWithTool } from "../support/tools.ts";

/** Answers with the status that the path tells, and reads nothing. */
const handler: Handler = (request) =>
  new Response("not read", { status: Number(new URL(request.url).pathname.slice(1)) });

/** Below `streamWindowSize`; above it, and not above it by more than `drainLimit`; above both. */
const SMALL = 200_000;
const MIDDLING = 400_000;
const LARGE = 5_000_000;

/** How long a client may take: all of them are idle for a minute, or spin for ever, where the order of frames is not theirs. */
const SOON = 4_000;

/** Runs a client with a file of some bytes. */
async function upload(
  size: number,
  status: number,
  run: (url: string, file: string) => Promise<Ran>,
): Promise<Ran> {
  return await withTcpServer(handler, {}, async ({ origin }) => {
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeFile(file, new Uint8Array(size));
      return await run(`${origin}/${status}`, file);
    } finally {
      await Deno.remove(file);
    }
  });
}

const curl = findTool("curl");
const quiet = ["-q", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "-w", " %{http_code}"];

/** How curl is given what it uploads, of a length that it knows or does not know. */
const ways: readonly (readonly [name: string, args: (file: string) => readonly string[]])[] = [
  ["-T", (file) => ["-T", file]],
  ["--data-binary", (file) => ["--data-binary", `@${file}`]],
  ["--data-binary in chunks", (file) => ["--data-binary", `@${file}`, "-H", "content-length:"]],
];

for (const [name, args] of ways) {
  for (const size of [SMALL, MIDDLING, LARGE]) {
    for (const status of [200, 413]) {
      testWithTool(
        curl,
        "curl",
        `curl ${name} of ${size} bytes has its answer of ${status} and ends (RFC 9113 §8.1)`,
        async (path) => {
          const { code, stdout } = await upload(size, status, (url, file) => {
            return runTool(path, [...quiet, ...args(file), url], SOON);
          });
          assertEquals(stdout, `not read ${status}`);
          // curl 7.88 takes a reset behind a whole answer for an error of the stream, unless the status has made it stop
          if (size < LARGE || status >= 400) assertEquals(code, 0);
        },
      );
    }
  }
}

const nghttp = findTool("nghttp");

for (const size of [SMALL, MIDDLING, LARGE]) {
  testWithTool(
    nghttp,
    "nghttp",
    `nghttp -d of ${size} bytes has its answer and ends (RFC 9113 §8.1)`,
    async (path) => {
      const { code, stdout } = await upload(size, 200, (url, file) => runTool(path, ["-d", file, url], SOON));
      assertEquals([code, stdout], [0, "not read"]);
    },
  );
}

const nodeProgram = `
const [, url, file] = process.argv;
const { origin, pathname } = new URL(url);
const session = require("node:http2").connect(origin);
const request = session.request({ ":path": pathname, ":method": "POST" });
let text = "";
request.setEncoding("utf8");
request.on("data", (piece) => text += piece);
request.on("error", (error) => text += error);
request.on("close", () => {
  process.stdout.write(text);
  session.close();
});
request.end(require("node:fs").readFileSync(file));
`;

for (const size of [SMALL, MIDDLING, LARGE]) {
  testWithTool(
    findTool("node"),
    "node",
    `node:http2 with ${size} bytes has its answer and ends (RFC 9113 §8.1)`,
    async (path) => {
      const { code, stdout, stderr } = await upload(size, 200, (url, file) => {
        return runTool(path, ["-e", nodeProgram, url, file], SOON);
      });
      assertEquals([code, stdout], [0, "not read"], stderr);
    },
  );
}

const httpxProgram = `
import sys, httpx
with httpx.Client(http1=False, http2=True, timeout=20, trust_env=False) as client:
    try:
        print(client.post(sys.argv[1], content=open(sys.argv[2], "rb").read()).text, end="")
    except httpx.HTTPError as error:
        print(type(error).__name__, end="")
`;

/** A Python that has httpx with HTTP/2. */
function findHttpx(): string | null {
  for (const path of ["/usr/bin/python3", findTool("python3")]) {
    if (path === null) continue;
    try {
      const { success } = new Deno.Command(path, { args: ["-c", "import httpx, h2"], stderr: "null" })
        .outputSync();
      if (success) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

for (
  const [size, expected] of [[SMALL, "not read"], [MIDDLING, "not read"], [
    LARGE,
    "LocalProtocolError",
  ]] as const
) {
  testWithTool(
    findHttpx(),
    "httpx for Python (Debian: python3-httpx, python3-h2)",
    `httpx with ${size} bytes ends${size < LARGE ? ", and has its answer" : " at once"} (RFC 9113 §8.1)`,
    async (path) => {
      const { stdout, stderr } = await upload(size, 200, (url, file) => {
        return runTool(path, ["-c", httpxProgram, url, file], SOON);
      });
      assertEquals(stdout, expected, stderr);
    },
  );
}

Deno.test("fetch with a body that nobody reads has its answer and ends (RFC 9113 §8.1)", async () => {
  await withTcpServer(handler, {}, async ({ origin }) => {
    const client = Deno.createHttpClient({ http1: false, http2: true });
    try {
      const body = new Uint8Array(LARGE);
      const response = await fetch(`${origin}/200`, {
        method: "POST",
        body,
        client,
        signal: AbortSignal.timeout(SOON),
      });
      assertEquals(await response.text(), "not read");
      assert(response.ok, `${response.status}`);
    } finally {
      client.close();
    }
  });
});
