/** The commands of README.md, as a machine runs them that has nothing but Deno. */

import { assert, assertEquals } from "./support/assert.ts";
import { within } from "./support/deadline.ts";

Deno.test("deno task start asks no registry for anything before it serves", async () => {
  const asked: string[] = [];
  await using registry = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    asked.push(request.url);
    return new Response("there is nothing", { status: 404 });
  });
  const cache = await Deno.makeTempDir();
  const origin = `http://127.0.0.1:${registry.addr.port}/`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "start", "0"],
    cwd: new URL("..", import.meta.url),
    env: { DENO_DIR: cache, NPM_CONFIG_REGISTRY: origin, JSR_URL: origin },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const { value = "" } = await within("its first line", lines.read(), 30_000);
    const port = /:(\d+)\/world/.exec(value)?.[1];
    assert(port !== undefined, `a line with its address: ${JSON.stringify(value)}`);
    const response = await fetch(`http://127.0.0.1:${port}/world`);
    assert((await response.text()).startsWith("Hello, world!"), "the greeting");
  } finally {
    child.kill("SIGTERM");
    await within("its end", child.status, 10_000);
    await lines.cancel();
    await Deno.remove(cache, { recursive: true });
  }
  assertEquals(asked, []);
});
