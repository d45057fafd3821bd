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
