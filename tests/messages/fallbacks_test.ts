/**
 * What Drover asks of the platform's inner workings holds on this Deno, and where it does not hold the
 * fallbacks are right.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { LAZY_HEADERS_HOLD } from "../../headers.ts";
import { STATIC_RESPONSE_HOLDS } from "../../platform_response.ts";
import { LAZY_REQUEST_HOLDS } from "../../request.ts";

Deno.test(`Deno ${Deno.version.deno} has the inner workings that make requests and responses cheap`, () => {
  assertEquals({ LAZY_REQUEST_HOLDS, LAZY_HEADERS_HOLD, STATIC_RESPONSE_HOLDS }, {
    LAZY_REQUEST_HOLDS: true,
    LAZY_HEADERS_HOLD: true,
    STATIC_RESPONSE_HOLDS: true,
  });
});

/**
 * Tests of what a handler is given and gives, for the platform's inner workings and for the fallbacks alike.
 */
const FILES = [
  "tests/messages/request_passed_on_test.ts",
  "tests/response_test.ts",
  "tests/rfc/request_test.ts",
  "tests/rfc/exchange_test.ts",
  "tests/rfc/rfc8441_connect_test.ts",
  "tests/rfc/rfc9110_09_methods_test.ts",
];

Deno.test("requests and responses are right on a platform without these inner workings", async () => {
  const preload = "tests/support/without_symbols.ts";
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--frozen", "--preload", preload, ...FILES],
    cwd: new URL("../..", import.meta.url),
    env: { NO_COLOR: "1" },
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  const failed = text.split("\n").filter((line) => line.includes("... FAILED"));
  assertEquals(failed, []);
  assertMatch(text, /passed .*\| 0 failed/);
});
