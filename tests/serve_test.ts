/** serve() in the shape of Deno.serve: every overload by its types and by requests, every option, and the handle. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type Handler, HttpServer, serve, type ServeInit } from "../mod.ts";
import { makeCertificate, openssl } from "./attacks/certificates.ts";
import { within } from "./support/deadline.ts";
import { testWithTool } from "./support/tools.ts";

// Types. What is below is not called: it must type-check, with serve and with Deno.serve alike.

type NetServer = Deno.HttpServer<Deno.NetAddr>;
type UnixServer = Deno.HttpServer<Deno.UnixAddr>;
type TcpOrTls = Deno.ServeTcpOptions | (Deno.ServeTcpOptions & Deno.TlsCertifiedKeyPem);

/** Each overload of Deno.serve as a type of its own; vsock is left out, as there is none. */
export const overloads: {
  readonly handler: readonly ((handler: Deno.ServeHandler<Deno.NetAddr>) => NetServer)[];
  readonly unix: readonly ((
    options: Deno.ServeUnixOptions,
    handler: Deno.ServeHandler<Deno.UnixAddr>,
  ) => UnixServer)[];
  readonly tcp: readonly ((options: TcpOrTls, handler: Deno.ServeHandler<Deno.NetAddr>) => NetServer)[];
  readonly unixInit: readonly ((
    options: Deno.ServeUnixOptions & Deno.ServeInit<Deno.UnixAddr>,
  ) => UnixServer)[];
  readonly tcpInit: readonly ((options: TcpOrTls & Deno.ServeInit<Deno.NetAddr>) => NetServer)[];
} = {
  handler: [(handler) => serve(handler), (handler) => Deno.serve(handler)],
  unix: [(options, handler) => serve(options, handler), (options, handler) => Deno.serve(options, handler)],
  tcp: [(options, handler) => serve(options, handler), (options, handler) => Deno.serve(options, handler)],
  unixInit: [(options) => serve(options), (options) => Deno.serve(options)],
  tcpInit: [(options) => serve(options), (options) => Deno.serve(options)],
};

export function withHandler(): NetServer[] {
  return [
    serve((_request, info) => new Response(info.remoteAddr.hostname)),
    Deno.serve((_request, info) => new Response(info.remoteAddr.hostname)),
  ];
}

export function withUnixOptions(): UnixServer[] {
  return [
    serve({ transport: "unix", path: "x", onListen: ({ path }) => void path.length }, (_request, info) => {
      return new Response(info.remoteAddr.path);
    }),
    Deno.serve(
      { transport: "unix", path: "x", onListen: ({ path }) => void path.length },
      (_request, info) => {
        return new Response(info.remoteAddr.path);
      },
    ),
  ];
}

export function withTcpOptions(): NetServer[] {
  return [
    serve({ transport: "tcp", port: 0, automaticCompression: false }, async (_request, info) => {
      await info.completed;
      return new Response(`${info.remoteAddr.port}`);
    }),
    Deno.serve({ transport: "tcp", port: 0, automaticCompression: false }, async (_request, info) => {
      await info.completed;
      return new Response(`${info.remoteAddr.port}`);
    }),
  ];
}

export function withTlsOptions(): NetServer[] {
  return [
    serve(
      { cert: "", key: "", keyFormat: "pem" },
      (_request, info) => new Response(info.remoteAddr.hostname),
    ),
    Deno.serve({ cert: "", key: "", keyFormat: "pem" }, (_request, info) => {
      return new Response(info.remoteAddr.hostname);
    }),
  ];
}

export function withUnixInit(): UnixServer[] {
  return [
    serve({ path: "x", handler: (_request, info) => new Response(info.remoteAddr.path) }),
    Deno.serve({ path: "x", handler: (_request, info) => new Response(info.remoteAddr.path) }),
  ];
}

export function withTcpInit(): NetServer[] {
  return [
    serve({ port: 0, handler: (_request, info) => new Response(info.remoteAddr.hostname) }),
    Deno.serve({ port: 0, handler: (_request, info) => new Response(info.remoteAddr.hostname) }),
  ];
}

export function withTlsInit(): NetServer[] {
  return [
    serve({ cert: "", key: "", handler: (_request, info) => new Response(info.remoteAddr.hostname) }),
    Deno.serve({ cert: "", key: "", handler: (_request, info) => new Response(info.remoteAddr.hostname) }),
  ];
}

/** Drover's own: the Exchange, `fetch`, a Handler, and options that are only known at run time. */
export function withMore(handler: Handler, init: ServeInit, app: Deno.ServeDefaultExport): unknown[] {
  return [
    serve(handler),
    serve({ port: 0 }, handler),
    serve({ path: "x" }, handler),
    serve({ path: "x", handler }),
    serve(init),
    serve(app),
    serve({ port: 0 }, app.fetch),
    serve({ port: 0, fetch: (_request, exchange) => new Response(exchange.target) }),
    serve((_request, { client, remoteAddr }) => new Response(client.remoteAddress + remoteAddr.hostname)),
  ];
}

// Requests.

const local = { hostname: "127.0.0.1", port: 0 } as const;
const quiet = { onListen() {} };

async function ask(server: { readonly addr: Deno.NetAddr }): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${server.addr.port}/`)).text();
}

async function askUnix(path: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
  return await new Response(connection.readable).text();
}

async function withSocketPath(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/socket`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The lines that a server prints while it begins to listen. */
function printed<T>(run: () => T): { result: T; lines: string[] } {
  const { log } = console;
  const lines: string[] = [];
  console.log = (line: string) => void lines.push(line);
  try {
    return { result: run(), lines };
  } finally {
    console.log = log;
  }
}

Deno.test("serve(handler) listens on port 8000 of every address", async () => {
  try {
    const { result: server, lines } = printed(() =>
      serve((_request, info) => Response.json(info.remoteAddr))
    );
    await using _end = server;
    assertEquals([server.addr.port, lines], [8000, [
      "Listening on http://0.0.0.0:8000/ (http://localhost:8000/)",
    ]]);
    assertEquals(JSON.parse(await ask(server)).hostname, "127.0.0.1");
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error; // 8000 was asked for, and another program has it
  }
});

Deno.test("serve(options, handler) takes TCP options with transport, and gives the peer's address", async () => {
  const seen: Deno.NetAddr[] = [];
  const options: Deno.ServeTcpOptions = {
    ...local,
    transport: "tcp",
    tcpBacklog: 16,
    automaticCompression: false,
    onListen: (address) => void seen.push(address),
  };
  await using server = serve(options, (_request, info) => Response.json(info.remoteAddr));
  const { transport, hostname, port } = JSON.parse(await ask(server));
  assertEquals([transport, hostname, port > 0], ["tcp", "127.0.0.1", true]);
  assertEquals(seen, [server.addr]);
  assert(server.addr.transport === "tcp" && server.addr.port > 0);
});

Deno.test("serve({ handler }) takes Deno.ServeTcpOptions & Deno.ServeInit", async () => {
  const init: Deno.ServeTcpOptions & Deno.ServeInit<Deno.NetAddr> = {
    ...local,
    ...quiet,
    transport: "tcp",
    handler: (_request, info) => new Response(info.remoteAddr.hostname),
  };
  await using server = serve(init);
  assertEquals(await ask(server), "127.0.0.1");
});

Deno.test("serve({ path }, handler) serves a unix socket, with transport and without", async () => {
  for (const transport of [{}, { transport: "unix" }] as const) {
    await withSocketPath(async (path) => {
      const seen: string[] = [];
      const handler: Deno.ServeHandler<Deno.UnixAddr> = (_request, { remoteAddr }) => {
        return new Response(`from ${remoteAddr.transport}`);
      };
      const onListen = (address: Deno.UnixAddr) => void seen.push(address.path);
      await using server = serve({ ...transport, path, onListen }, handler);
      const answer = await askUnix(path);
      assertStringIncludes(answer, "200 OK");
      assertStringIncludes(answer, "from unix");
      assertEquals([server.addr.transport, server.addr.path, seen], ["unix", path, [path]]);
    });
  }
});

Deno.test("serve({ path, handler }) serves a unix socket, and leaves a port aside as Deno.serve does", async () => {
  await withSocketPath(async (path) => {
    const init = { ...local, ...quiet, path, handler: () => new Response("Hello") };
    await using server = serve(init);
    assertStringIncludes(await askUnix(path), "Hello");
    assertEquals(server.addr, { transport: "unix", path });
  });
});

testWithTool(openssl, "openssl", "serve() takes cert, key and keyFormat, in both forms", async (path) => {
  const { cert, key, authority } = await makeCertificate(path);
  using client = Deno.createHttpClient({ caCerts: [authority] });
  const tls: Deno.TlsCertifiedKeyPem = { cert, key, keyFormat: "pem" };
  const handler: Deno.ServeHandler<Deno.NetAddr> = (request, info) => {
    return new Response(`${new URL(request.url).protocol} ${info.remoteAddr.hostname}`);
  };
  for (
    const start of [
      () => serve({ ...local, transport: "tcp", ...tls }, handler),
      () => serve({ ...local, ...tls, handler }),
    ]
  ) {
    const { result: server, lines } = printed(start);
    await using _end = server;
    const origin = `https://127.0.0.1:${server.addr.port}/`;
    assertEquals(await (await fetch(origin, { client })).text(), "https: 127.0.0.1");
    assertEquals(lines, [`Listening on ${origin}`]);
  }
});

Deno.test("reusePort lets two servers have one port", async () => {
  await using first = serve({ ...local, ...quiet, reusePort: true }, () => new Response("Hello"));
  const { port } = first.addr;
  await using second = serve({ ...local, ...quiet, port, reusePort: true }, () => new Response("Hello"));
  assertEquals([second.addr.port, await ask(second)], [port, "Hello"]);
  assertThrows(() => serve({ ...local, port }, () => new Response()), Deno.errors.AddrInUse);
});

Deno.test("onError answers for a handler that throws", async () => {
  const onError = (error: unknown) => new Response(String(error), { status: 502 });
  await using server = serve({ ...local, ...quiet, onError }, () => {
    throw new Error("odd");
  });
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  assertEquals([response.status, await response.text()], [502, "Error: odd"]);
});

Deno.test("signal ends the server, and finished resolves; one that is aborted already ends it at once", async () => {
  const controller = new AbortController();
  const server = serve({ ...local, ...quiet, signal: controller.signal }, () => new Response("Hello"));
  assertEquals(await ask(server), "Hello");
  controller.abort();
  await within("finished", server.finished);
  const late = serve({ ...local, ...quiet, signal: AbortSignal.abort() }, () => new Response("Hello"));
  await within("finished", late.finished);
});

Deno.test("shutdown() lets a running exchange finish, and finished resolves", async () => {
  const entered = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const server: Deno.HttpServer<Deno.NetAddr> = serve({ ...local, ...quiet }, async () => {
    entered.resolve();
    await leave.promise;
    return new Response("Hello");
  });
  const answer = ask(server);
  await entered.promise;
  const shutdown = server.shutdown();
  leave.resolve();
  assertEquals(await answer, "Hello");
  await within("shutdown() and finished", Promise.all([shutdown, server.finished]));
});

Deno.test("Symbol.asyncDispose stops the server, and the handle has the server underneath", async () => {
  const server = serve({ ...local, ...quiet }, () => new Response("Hello"));
  {
    await using _end = server;
    assert(server.server instanceof HttpServer);
    assertEquals(await ask(server), "Hello");
  }
  await within("finished", server.finished);
  assertThrows(() => server.server.listen(local), TypeError, "was stopped");
});

/** A process of its own with a server that is given to `code`. */
function runServer(code: string): Deno.ChildProcess {
  const module = new URL("../mod.ts", import.meta.url).href;
  const script = `import { serve } from ${JSON.stringify(module)};
    const options = { hostname: "127.0.0.1", port: 0, onListen: ({ port }) => console.log(port) };
    const server = serve(options, () => (queueMicrotask(() => server.shutdown()), new Response("Hello")));
    ${code}`;
  return new Deno.Command(Deno.execPath(), { args: ["eval", script], stdout: "piped", stderr: "inherit" })
    .spawn();
}

Deno.test("unref() lets the process end", async () => {
  const child = runServer("server.unref();");
  const { code } = await within("the end of the process", child.output(), 20_000);
  assertEquals(code, 0);
});

Deno.test("ref() keeps the process until the server is shut down", async () => {
  const child = runServer("server.unref(); server.ref();");
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await within("the port", lines.read(), 20_000);
  assertEquals(await (await fetch(`http://127.0.0.1:${Number(value)}/`)).text(), "Hello");
  const { code } = await within("the end of the process", child.status, 20_000);
  assertEquals(code, 0);
  await lines.cancel();
});

// What is refused: each error names the option, its value, and what to do.

const REFUSED: readonly (readonly [options: Record<string, unknown>, parts: readonly string[]])[] = [
  [{ automaticCompression: true }, ["automaticCompression is true", "does not compress", "leave it out"]],
  [{ cid: -1, port: 3000 }, ["cid is -1", "vsock is not supported", "give a port"]],
  [{ transport: "vsock" }, ['transport is "vsock"', "vsock is not supported", "give a port"]],
  [{ transport: "udp" }, ['transport is "udp"', 'must be "tcp" or "unix"']],
  [{ transport: "unix", port: 0 }, ['transport is "unix"', "give the path"]],
  [{ transport: "tcp", path: "x" }, ['transport is "tcp"', 'path is "x"', "leave out one"]],
  [{ port: 0, cert: "x", key: "y", keyFormat: "der" }, ['keyFormat is "der"', 'must be "pem"']],
  [{ port: 0, key: "x" }, ["both cert and key"]],
  [{ path: "x", cert: "x", key: "y" }, ["TLS over a unix socket", "leave out cert and key"]],
  [{ port: 0, headerTimout: 5 }, ["There is no option headerTimout", "did you mean headerTimeout"]],
];

for (const [options, parts] of REFUSED) {
  Deno.test(`serve() refuses ${JSON.stringify(options)} and says what to do`, () => {
    const error = assertThrows(() => serve(options as never, () => new Response()), TypeError);
    for (const part of parts) assertStringIncludes(error.message, part);
  });
}

Deno.test("HttpServer.listen() takes transport too, and refuses what contradicts it", async () => {
  await using server = new HttpServer(() => new Response("Hello"));
  const addr = server.listen({ ...local, transport: "tcp" }).addr as Deno.NetAddr;
  assertEquals(await ask({ addr }), "Hello");
  assertThrows(() => server.listen({ port: 0, path: "x" } as never), TypeError, "a port or a path, not both");
});
