/** How serve() begins: everything is checked before it listens, apps, and the address of the environment. */

import { Hono } from "hono";
import { type Handler, HttpServer, serve, type ServeApp } from "../mod.ts";
import { assert, assertEquals, thrown } from "./support/assert.ts";
import { turns, within } from "./support/deadline.ts";

const local = { hostname: "127.0.0.1", port: 0 } as const;
const quiet = { onListen() {} };
const hello = () => new Response("Hello");

/** A port that nobody listens on. */
function freePort(): number {
  using listener = Deno.listen(local);
  return listener.addr.port;
}

/** Fails where somebody listens on a port. */
function assertFree(port: number): void {
  Deno.listen({ hostname: "127.0.0.1", port }).close();
}

// Checks

for (
  const [name, value, part] of [
    ["signal", {}, "signal is {}, but must be an AbortSignal"],
    ["signal", "x", 'signal is "x", but must be an AbortSignal'],
    ["onListen", 5, "onListen is 5, but must be a function"],
    ["onError", "x", 'onError is "x", but must be a function'],
    ["renderError", {}, "renderError is {}, but must be a function"],
    ["log", "y", 'log is "y", but must be a function'],
    ["driverFactory", {}, "driverFactory is {}, but must have the functions applicationLayerProtocols"],
    ["driverFactory", { selectDriver() {} }, "but must have the functions applicationLayerProtocols"],
    ["automaticCompression", true, "automaticCompression is true"],
    ["headerTimeout", -1, "headerTimeout is -1"],
  ] as const
) {
  Deno.test(`serve() refuses ${name}: ${JSON.stringify(value)} before it listens`, () => {
    const port = freePort();
    const options = { ...local, port, [name]: value } as never;
    const error = thrown(() => serve(options, hello), "serve()");
    assert(error.message.includes(part), error.message);
    assertFree(port);
  });
}

for (const name of ["onError", "renderError", "log", "driverFactory"]) {
  Deno.test(`new HttpServer() refuses a wrong ${name}`, () => {
    const error = thrown(() => new HttpServer(hello, { [name]: "x" } as never), "new HttpServer()");
    assert(error instanceof TypeError && error.message.startsWith(`${name} is "x", but must`), error.message);
  });
}

Deno.test("serve() takes null for what Deno.serve takes it for", async () => {
  const options = { ...local, signal: null, onError: null } as never;
  await using server = serve({ ...options as typeof local, ...quiet }, hello);
  assertEquals(await (await fetch(`http://127.0.0.1:${server.addr.port}/`)).text(), "Hello");
});

Deno.test("serve() whose onListen throws lets the error out as it is, and nothing listens any more", async () => {
  const port = freePort();
  const odd = new RangeError("odd");
  const { stack } = odd;
  const onListen = () => {
    throw odd;
  };
  const error = thrown(() => serve({ ...local, port, onListen }, hello), "serve()");
  assertEquals([error === odd, error.stack], [true, stack]);
  await turns(); // Deno lets go of a listener when its pending accept() has ended
  assertFree(port);
});

Deno.test("serve() whose path cannot have the mode leaves no socket behind", async () => {
  const folder = await Deno.makeTempDir();
  const { chmodSync } = Deno;
  try {
    Deno.chmodSync = () => {
      throw new Deno.errors.PermissionDenied("no");
    };
    thrown(() => serve({ path: `${folder}/socket`, mode: 0o600, ...quiet }, hello), "serve()");
    assertEquals([...Deno.readDirSync(folder)], []);
  } finally {
    Deno.chmodSync = chmodSync;
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("serve() refuses a handler before its options, and what is no handler", () => {
  const wrong = thrown(() => Reflect.apply(serve, null, [hello, local]), "serve(handler, options)");
  assert(wrong.message.includes("the options come before the handler"), wrong.message);
  for (const args of [[{}], [local, {}], [local, "x"], ["x"], [null], [{ fetch: 5 }]]) {
    const error = thrown(() => Reflect.apply(serve, null, args), "serve() without a handler");
    assert(error.message.includes("there is no handler"), error.message);
  }
});

// Apps

/** An app with members of its own that have the names of options, and `this` in its `fetch`. */
class App implements ServeApp {
  readonly port = "no port";
  readonly signal = 5;
  readonly #name = "app";
  get(): void {}
  onError(): this {
    return this;
  }
  fetch(request: Request): Response {
    return new Response(`${this.#name} ${request.method}`);
  }
}

async function ask(server: { readonly addr: Deno.NetAddr }): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${server.addr.port}/`)).text();
}

Deno.test("serve(options, app) takes an app by its fetch, whose this is the app", async () => {
  const hono = new Hono().get("/", (context) => context.text("hono"));
  for (const [app, text] of [[new App(), "app GET"], [hono, "hono"]] as const) {
    await using server = serve({ ...local, ...quiet }, app);
    assertEquals(await ask(server), text);
  }
});

Deno.test("serve(app) takes an app by its fetch alone, on the port of Deno.serve", () => {
  // That nothing else of the app is looked at shows in what it listens on: the port 8000, which is in use here.
  const holder = listenOn8000();
  try {
    for (const app of [new App(), new Hono()]) {
      const error = thrown(() => serve(app), "serve(app)");
      assert(error.message.includes("port 8000 of 0.0.0.0 is in use"), error.message);
    }
  } finally {
    holder?.close();
  }
});

/** Takes the port 8000, unless another program has it. */
function listenOn8000(): Deno.Listener | null {
  try {
    return Deno.listen({ port: 8000 });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return null;
    throw error;
  }
}

Deno.test("serve({ fetch }) of a plain object takes its other members as options, and this is the object", async () => {
  const app = {
    ...local,
    ...quiet,
    greeting: undefined,
    fetch(this: typeof local): Response {
      return new Response(this.hostname);
    },
  };
  await using server = serve(app);
  assertEquals(await ask(server), "127.0.0.1");
});

/** Apps and options as types: what is below is not called. */
export function types(hono: Hono, app: App, handler: Handler): unknown[] {
  return [serve(hono), serve(app), serve({ port: 0 }, hono), serve({ port: 0 }, app), serve(handler)];
}

// DENO_SERVE_ADDRESS

const PROGRAM = `
  import { serve } from ${JSON.stringify(new URL("../mod.ts", import.meta.url).href)};
  const options = JSON.parse(Deno.args[0]);
  const addresses = [];
  const onListen = (address) => void addresses.push(address);
  const first = serve({ ...options, onListen }, () => new Response("first"));
  const second = serve({ hostname: "127.0.0.1", port: 0, onListen }, () => new Response("second"));
  const further = Number(Deno.args[1]);
  const answer = further > 0 ? await (await fetch("http://127.0.0.1:" + further + "/")).text() : "";
  console.log(JSON.stringify({ addresses, answer }));
  await first.shutdown();
  await second.shutdown();
`;

interface Said {
  readonly addresses: readonly Deno.Addr[];
  readonly answer: string;
}

/** Serves twice in a process whose environment has an address. */
async function serveWith(
  address: string,
  { options = local, ask = 0, permission = "--allow-env=DENO_SERVE_ADDRESS" }: {
    readonly options?: object;
    readonly ask?: number;
    readonly permission?: string;
  } = {},
): Promise<Said & { readonly stderr: string }> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, PROGRAM);
    const args = ["run", "--allow-net", "--allow-read", "--allow-write", permission, path];
    const child = new Deno.Command(Deno.execPath(), {
      args: [...args, JSON.stringify(options), `${ask}`],
      env: { DENO_SERVE_ADDRESS: address, NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const { stdout, stderr } = await within("the end of the program", child, 20_000);
    const said = new TextDecoder().decode(stdout);
    const complaint = new TextDecoder().decode(stderr);
    assert(said !== "", complaint);
    return { ...JSON.parse(said) as Said, stderr: complaint };
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("DENO_SERVE_ADDRESS overrides the address of the first serve(), as it does for Deno.serve", async () => {
  const port = freePort();
  const { addresses: [first, second], answer } = await serveWith(`tcp:127.0.0.1:${port}`, {
    options: { hostname: "127.0.0.2", port: freePort() },
    ask: port,
  });
  assertEquals(first, { transport: "tcp", hostname: "127.0.0.1", port });
  assert(second?.transport === "tcp" && second.port !== port, "the second serve() has its own address");
  assertEquals(answer, "first");
});

Deno.test("DENO_SERVE_ADDRESS may be a unix socket, or an IPv6 address, in place of either", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/socket`;
    assertEquals((await serveWith(`unix:${path}`)).addresses[0], { transport: "unix", path });
    const port = freePort();
    const options = { path };
    const { addresses } = await serveWith(`tcp:[::1]:${port}`, { options });
    assertEquals(addresses[0], { transport: "tcp", hostname: "::1", port });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("DENO_SERVE_ADDRESS behind duplicate, is served beside the address of the program", async () => {
  const [own, port] = [freePort(), freePort()];
  const options = { ...local, port: own };
  const { addresses, answer } = await serveWith(`duplicate,tcp:127.0.0.1:${port}`, { options, ask: port });
  assertEquals(addresses[0], { transport: "tcp", hostname: "127.0.0.1", port: own });
  assertEquals([addresses.length, answer], [2, "first"]);
});

Deno.test("DENO_SERVE_ADDRESS is left alone where the environment may not be read, and nothing is asked", async () => {
  const port = freePort();
  const options = { ...local, port };
  const { addresses, stderr } = await serveWith("tcp:127.0.0.1:1", { options, permission: "--allow-sys" });
  assertEquals([addresses[0], stderr], [{ transport: "tcp", hostname: "127.0.0.1", port }, ""]);
});

for (
  const address of [
    "",
    "tcp:8000",
    "tcp:localhost:80",
    "tcp:1.2.3:80",
    "tcp:1.2.3.4:99999",
    "unix:",
    "vsock:1:2",
    "x",
  ]
) {
  Deno.test(`DENO_SERVE_ADDRESS ${JSON.stringify(address)} is ignored, and said on stderr`, async () => {
    const port = freePort();
    const { addresses, stderr } = await serveWith(address, { options: { ...local, port } });
    assertEquals(addresses[0], { transport: "tcp", hostname: "127.0.0.1", port });
    const said = `DENO_SERVE_ADDRESS is ${
      JSON.stringify(address)
    }, but must be tcp:ADDRESS:PORT or unix:PATH`;
    assert(stderr.startsWith(said) && stderr.trimEnd().endsWith("it is ignored"), stderr);
  });
}
