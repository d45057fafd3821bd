/** Listening that fails: what is said, and where the error points. */

import { HttpServer, serve } from "../../mod.ts";
import { listen } from "../../transports/listen.ts";
import { explainFailure } from "../../transports/listen_errors.ts";
import { makeCertificate, openssl } from "../attacks/certificates.ts";
import { assert, assertEquals, thrown } from "../support/assert.ts";
import { within } from "../support/deadline.ts";
import { runTool, testWithTool } from "../support/tools.ts";

const hello = () => new Response("Hello");
const local = { hostname: "127.0.0.1", port: 0 } as const;

/** Fails unless a message has all parts. */
function assertParts(message: string, parts: readonly string[]): void {
  for (const part of parts) assert(message.includes(part), `${JSON.stringify(part)} is in: ${message}`);
}

async function withFolder(run: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

// Where the error points

/** The first line of a stack behind the message. */
function pointOf(error: Error): string {
  const lines = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return lines[0] ?? "";
}

const mistakes: Readonly<Record<string, () => unknown>> = {
  "serve(), where to listen": () => serve({ port: 0, path: "x", transport: "tcp" } as never, hello),
  "serve(), an option": () => serve({ port: 0, headerTimeout: -1 }, hello),
  "serve(), an unknown name": () => serve({ prot: 0 } as never, hello),
  "serve(), no handler": () => serve({ port: 0 } as never),
  "serve(), a port that is none": () => serve({ port: 70_000 }, hello),
  "new HttpServer()": () => new HttpServer(hello, { headerTimeout: -1 }),
  "server.listen()": () => new HttpServer(hello).listen({ ...local, headerTimeout: -1 }),
};

for (const [name, mistake] of Object.entries(mistakes)) {
  Deno.test(`the stack of an error of ${name} begins at the line of the caller`, () => {
    const error = thrown(mistake, name);
    assert(pointOf(error).includes("listen_test.ts"), error.stack ?? "");
  });
}

Deno.test("the stack of an error of Deno.listen() begins at the line of the caller, and its cause is the original", async () => {
  await using server = serve({ ...local, onListen() {} }, hello);
  const { port } = server.addr;
  for (
    const again of [() => serve({ ...local, port }, hello), () => server.server.listen({ ...local, port })]
  ) {
    const error = thrown(again, "listening twice");
    assert(pointOf(error).includes("listen_test.ts"), error.stack ?? "");
    assert(error.cause instanceof Deno.errors.AddrInUse, "the cause");
  }
});

// TCP

Deno.test("a port that is in use is an AddrInUse that names it, and says what to do", async () => {
  await using server = serve({ ...local, onListen() {} }, hello);
  const { port } = server.addr;
  const error = thrown(() => serve({ ...local, port }, hello), "listening twice");
  assert(error instanceof Deno.errors.AddrInUse, `${error}`);
  assertEquals([error.name, "code" in error && error.code], ["AddrInUse", "EADDRINUSE"]);
  assertParts(error.message, [`port ${port} of 127.0.0.1 is in use`, `:${port}`, "another port (0: any"]);
});

Deno.test("an address of another machine, and a name that nobody knows, are named", () => {
  const other = thrown(() => listen({ hostname: "192.0.2.1", port: 0 }, []), "another address");
  assert(other instanceof Deno.errors.AddrNotAvailable, `${other}`);
  assertParts(other.message, ["192.0.2.1 is no address of this machine", "0.0.0.0"]);
  const unknown = thrown(() => listen({ hostname: "no-such-host.invalid", port: 0 }, []), "a name");
  assertParts(unknown.message, ["no-such-host.invalid is not known"]);
});

Deno.test("a port that the program may not have is named; an error of another kind is left as it is", () => {
  const denied = explainFailure(new Deno.errors.PermissionDenied("os error 13"), { port: 80 });
  assert(denied instanceof Deno.errors.PermissionDenied, `${denied}`);
  assertParts(denied.message, ["port 80 of 0.0.0.0 is not allowed", "1024"]);
  for (const odd of [new RangeError("odd"), "odd", null]) {
    assertEquals(explainFailure(odd, { port: 80 }), odd);
  }
});

// Unix sockets

/** Leaves a socket behind as a program that is killed does. */
async function leaveSocket(path: string): Promise<void> {
  const code = `Deno.listen({ transport: "unix", path: ${
    JSON.stringify(path)
  } }); Deno.kill(Deno.pid, "SIGKILL");`;
  await runTool(Deno.execPath(), ["eval", code]);
  assert((await Deno.stat(path)).isSocket === true, "the socket is there");
}

Deno.test("a unix socket that a dead program left is recognised, named and not removed", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/socket`;
    await leaveSocket(path);
    const error = thrown(() => serve({ path }, hello), "listening");
    assert(error instanceof Deno.errors.AddrInUse, `${error}`);
    assertParts(error.message, [path, "left over", "nobody answers", `Deno.removeSync("${path}")`]);
    assert((await Deno.stat(path)).isSocket === true, "the socket is still there");
    await Deno.remove(path);
    await using server = serve({ path, onListen() {} }, hello);
    assertEquals(server.addr.path, path);
  });
});

Deno.test("a unix socket on which a program listens, and a file that is none, are told apart from one that was left", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/socket`;
    await using server = serve({ path, onListen() {} }, hello);
    const live = thrown(() => serve({ path }, hello), "listening twice");
    assertParts(live.message, [path, "is in use", "stop the program"]);
    assertEquals(server.addr.path, path);
    await Deno.writeTextFile(`${folder}/file`, "");
    const file = thrown(() => serve({ path: `${folder}/file` }, hello), "listening on a file");
    assertParts(file.message, [`${folder}/file`, "is no socket", "another path"]);
    assertEquals((await Deno.stat(`${folder}/file`)).isFile, true);
  });
});

Deno.test("a unix socket in a folder that is not there, or with too long a path, is named", async () => {
  await withFolder((folder) => {
    const missing = thrown(() => listen({ path: `${folder}/none/socket` }, []), "no folder");
    assert(missing instanceof Deno.errors.NotFound, `${missing}`);
    assertParts(missing.message, [`${folder}/none/socket`, "folder that does not exist"]);
    const long = thrown(() => listen({ path: `${folder}/${"x".repeat(200)}` }, []), "a long path");
    assertParts(long.message, ["too long", "107 bytes"]);
  });
});

for (const mode of [0o600, 0o660, 0o777]) {
  Deno.test(`a unix socket has the mode 0o${mode.toString(8)} that it is given`, async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/socket`;
      await using _server = serve({ path, mode, onListen() {} }, hello);
      assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, mode);
    });
  });
}

for (
  const [place, part] of [
    [{ path: "x", mode: 0o1000 }, "mode is 512, but must be permissions"],
    [{ path: "x", mode: -1 }, "mode is -1, but must be permissions"],
    [{ path: "x", mode: "660" }, "mode is 660, but must be permissions"],
    [{ path: "\0x", mode: 0o600 }, "has no mode"],
    [{ port: 0, mode: 0o600 }, "mode is for a unix socket"],
    [{ path: "" }, 'path is "", but must be the path of a socket'],
    [{ path: 5 }, "path is 5, but must be the path of a socket"],
    [{ port: 0, hostname: "" }, 'hostname is "", but must be an address'],
    [{ port: 0, hostname: 5 }, "hostname is 5, but must be an address"],
  ] as const
) {
  Deno.test(`listen() refuses ${JSON.stringify(place)}`, () => {
    assertParts(thrown(() => listen(place as never, []), "listening").message, [part]);
  });
}

// TLS

const cert = "-----BEGIN CERTIFICATE-----\nsecret\n-----END CERTIFICATE-----\n";
const key = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n";

for (
  const [name, pair, parts] of [
    ["a path as cert", ["./cert.pem", key], ['cert is "./cert.pem"', "a path", "Deno.readTextFileSync"]],
    ["a path as key", [cert, "/etc/tls/key.pem"], ['key is "/etc/tls/key.pem"', "a path"]],
    ["a path without a dot", [cert, "/secret/key"], [
      "key has no -----BEGIN PRIVATE KEY-----",
      "not its path",
    ]],
    ["a Windows path", ["C:\\tls\\server.crt", key], ["looks like a path"]],
    ["both exchanged", [key, cert], ["cert is a private key, and key a certificate"]],
    ["an encrypted key", [cert, key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE")], ["key is encrypted"]],
    ["bytes", [new TextEncoder().encode(cert), key], ["cert must be a text"]],
    ["a key that is no PEM", [cert, "c2VjcmV0c2VjcmV0"], ["key has no -----BEGIN PRIVATE KEY-----"]],
    ["an empty cert", ["", key], ["cert has no -----BEGIN CERTIFICATE-----"]],
    ["a certificate that is none", [cert, key], ["cert and key cannot be used"]],
  ] as const
) {
  Deno.test(`TLS with ${name} is refused with what it is, and shows no key`, () => {
    const error = thrown(() => listen({ port: 0, cert: pair[0], key: pair[1] } as never, []), "listening");
    assertParts(error.message, [...parts]);
    assertEquals(/secret|c2Vj/.test(error.message), false);
  });
}

testWithTool(openssl, "openssl", "a key that does not fit its certificate is said", async (path) => {
  const one = await makeCertificate(path);
  const other = await makeCertificate(path);
  const error = thrown(() => serve({ ...local, cert: one.cert, key: other.key }, hello), "listening");
  assertParts(error.message, ["key is not the private key of cert"]);
  await using server = serve({ ...local, cert: one.cert, key: one.key, onListen() {} }, hello);
  assert(server.addr.port > 0, "the right key is taken");
});

// The line that says where a server listens

for (
  const [hostname, line] of [
    ["127.0.0.1", /^Listening on http:\/\/127\.0\.0\.1:\d+\/$/],
    ["0.0.0.0", /^Listening on http:\/\/0\.0\.0\.0:(\d+)\/ \(http:\/\/localhost:\1\/\)$/],
    ["::", /^Listening on http:\/\/\[::\]:(\d+)\/ \(http:\/\/localhost:\1\/\)$/],
    ["::1", /^Listening on http:\/\/\[::1\]:\d+\/$/],
  ] as const
) {
  Deno.test(`serve() on ${hostname} prints a URL that can be opened`, async () => {
    const { log } = console;
    const lines: string[] = [];
    console.log = (text: string) => void lines.push(text);
    try {
      await using _server = serve({ hostname, port: 0 }, hello);
    } finally {
      console.log = log;
    }
    assert(line.test(lines.join("\n")), lines.join("\n"));
  });
}

Deno.test("server.listen() gives an address of the kind that was asked for", async () => {
  await using server = new HttpServer(hello);
  const port: number = server.listen({ port: 0 }).addr.port;
  const response = await within("a response", fetch(`http://127.0.0.1:${port}/`));
  assertEquals(await response.text(), "Hello");
  await withFolder((folder) => {
    const path: string = server.listen({ path: `${folder}/socket` }).addr.path;
    assertEquals(path, `${folder}/socket`);
  });
});
