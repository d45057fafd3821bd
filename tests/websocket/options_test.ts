/** The options of a socket. */

import { resolveSocketOptions } from "../../websocket/options.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("Infinity and null say that a socket has no such limit", () => {
  for (const none of [Infinity, null]) {
    const limits = { idleTimeout: none, maxBufferedAmount: none, pingBudget: none, inflateBudget: none };
    const { idleTimeout, maxBufferedAmount, pingBudget, inflateBudget } = resolveSocketOptions(
      limits as never,
    );
    assertEquals([idleTimeout, maxBufferedAmount, pingBudget, inflateBudget], [0, Infinity, null, null]);
  }
});
