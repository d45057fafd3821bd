/** What a handler is given owns its memory, when the message around it is much larger. */

import { assert, assertEquals } from "../support/assert.ts";

Deno.test("a small part of a large request keeps no more than itself alive", async () => {
  const program = new URL("../support/stored_values.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--v8-flags=--expose-gc", program],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const megabytes: Record<string, number> = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(Object.keys(megabytes).length, 25);
  for (const [kind, size] of Object.entries(megabytes)) {
    assert(size < 0.5, `${kind}, stored 200 times, takes ${size} MB`); // 6 MB with all that is around it
  }
});

Deno.test("a kept request keeps no memory that its connection was read into, once that has closed", async () => {
  const program = new URL("../support/kept_requests.ts", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--v8-flags=--expose-gc", program],
  }).output();
  assertEquals(new TextDecoder().decode(stdout).trim(), "20 true 0", new TextDecoder().decode(stderr));
});
