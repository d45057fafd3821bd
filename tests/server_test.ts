/** Listeners, limits across connections, and the shapes of serve(). */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { networkOf } from "../server/networks.ts";
import { HttpServer, Response, serve } from "../mod.ts";
import { connectionPair } from "../testing.ts";

const hello = () => new Response("Hello");

function from(hostname: string): Deno.Conn["remoteAddr"] {
  return { transport: "tcp", hostname, port: 1 };
}

for (
  const [address, network] of [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2ff::1", "2001:0db8:0001:02::/56"],
    ["2001:DB8:1:200:a:b:c:d", "2001:0db8:0001:02::/56"],
    ["2001:db8:1:300::1", "2001:0db8:0001:03::/56"],
    ["fe80::1%eth0", "fe80:0000:0000:00::/56"],
    ["127.0.0.1", null],
    ["::1", null],
    ["::ffff:127.0.0.1", null],
    [null, null],
  ] as const
) {
  Deno.test(`networkOf() counts ${address} as ${network} (RFC 9112 §9.4)`, () => {
    assertEquals(networkOf(address), network);
  });
}

Deno.test("connectionsPerIpLimit closes one connection too many of an address, and no other's (RFC 9112 §9.4)", async () => {
  await using server = new HttpServer(hello, { connectionsPerIpLimit: 2 });
  const accept = (hostname: string) => server.accept(connectionPair({ clientAddr: from(hostname) }).server);
  const clients = [accept("192.0.2.1"), accept("192.0.2.1")];
  assertEquals(accept("192.0.2.1").status, 3);
  assertEquals(accept("192.0.2.2").status, 0);
  assertEquals([server.stats.clients, server.stats.accepted, server.stats.refused], [3, 3, 1]);
  clients[0]!.close();
  assertEquals(accept("192.0.2.1").status, 0);
  for (let count = 0; count < 5; count++) assertEquals(accept("127.0.0.1").status, 0);
});

Deno.test("connectionLimit leaves further connections to the system until there is room", async () => {
  await using server = new HttpServer(hello, { connectionLimit: 1 });
  const { port } = server.listen({ hostname: "127.0.0.1", port: 0 }).addr as Deno.NetAddr;
  const first = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  while (server.clients.size === 0) {
    await new Promise((resolve) => queueMicrotask(() => resolve(first.setNoDelay())));
  }
  const second = await Deno.connect({ hostname: "127.0.0.1", port });
  await second.write(request);
  assertEquals([server.stats.clients, server.stats.accepted], [1, 1]);
  first.close();
  const buffer = new Uint8Array(1000);
  const count = await second.read(buffer) ?? 0;
  assertStringIncludes(new TextDecoder().decode(buffer.subarray(0, count)), "200 OK");
  second.close();
});

Deno.test("HttpServer.listen() takes several addresses, each with options of its own, and a unix socket", async () => {
  await using server = new HttpServer((_request, { client }) => new Response(client.options.serverHeader));
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  const plain = server.listen({ hostname: "127.0.0.1", port: 0 }).addr as Deno.NetAddr;
  const other = server.listen({ hostname: "127.0.0.1", port: 0, serverHeader: "other" }).addr as Deno.NetAddr;
  server.listen({ path });
  for (const [{ port }, text] of [[plain, ""], [other, "other"]] as const) {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    assertEquals([await response.text(), response.headers.get("server") ?? ""], [text, text]);
  }
  const unix = await Deno.connect({ transport: "unix", path });
  await unix.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
  const buffer = new Uint8Array(1000);
  assert((await unix.read(buffer) ?? 0) > 0);
  unix.close();
  assertThrows(() => server.listen({ hostname: "127.0.0.1", port: plain.port }), Deno.errors.AddrInUse);
  assertThrows(() => server.listen({ port: 0, headerTimeout: -1 }), RangeError, "headerTimeout is -1");
});

Deno.test("serve() takes what Deno.serve takes", async () => {
  const where = { hostname: "127.0.0.1", port: 0 };
  const seen: string[] = [];
  const onListen = ({ hostname }: Deno.NetAddr) => seen.push(hostname);
  const servers = [
    serve({ ...where, onListen }, hello),
    serve({ ...where, onListen, handler: hello }),
    serve({ ...where, onListen, fetch: hello }),
  ];
  for (const server of servers) {
    assertEquals(await (await fetch(`http://127.0.0.1:${server.addr.port}/`)).text(), "Hello");
    await server.shutdown();
    await server.finished;
    await server.shutdown();
  }
  assertEquals(seen, ["127.0.0.1", "127.0.0.1", "127.0.0.1"]);
});

Deno.test("serve() ends at once when its signal aborts, and says what is missing", async () => {
  const controller = new AbortController();
  const server = serve({ hostname: "127.0.0.1", port: 0, signal: controller.signal, onListen() {} }, hello);
  controller.abort();
  await server.finished;
  const none: unknown = { port: 0 };
  assertThrows(() => serve(none as { handler: typeof hello }), TypeError, "there is no handler");
  assertThrows(
    () => serve({ port: 0, cert: "x" } as never, hello),
    TypeError,
    "both cert and key",
  );
});

for (const name of ["handlerLimit", "handlerQueueLimit", "handlerQueueTimeout", "shutdownTimeout"] as const) {
  Deno.test(`listen() refuses ${name}, which holds for the whole server`, async () => {
    await using server = new HttpServer(() => new Response());
    const error = assertThrows(() => server.listen({ hostname: "127.0.0.1", port: 0, [name]: 5 }), TypeError);
    assertEquals(
      error.message,
      `listen: ${name} holds for all listeners of a server: give it to new HttpServer(), or to serve()`,
    );
  });
}
