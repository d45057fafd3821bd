/** What heads ask for: a plan is made once for a head, and for no other. */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { HeadParser, type RequestHead } from "../../../drivers/http1/head.ts";
import { RequestPlanner } from "../../../drivers/http1/request_plan.ts";
import { InputBuffer } from "../../../drivers/input_buffer.ts";
import { HttpError } from "../../../errors.ts";

const LIMITS = { headerSizeLimit: 500, headerCountLimit: 9, targetSizeLimit: 100 };

function head(text: string): RequestHead {
  const input = new InputBuffer();
  input.push(new TextEncoder().encode(text));
  return new HeadParser(LIMITS).parse(input)!;
}

Deno.test("RequestPlanner.plan() says where a request is for, how it is framed and what follows it (RFC 9112 §6.3, §9.3)", () => {
  const planner = new RequestPlanner("https", () => "here:8443");
  const plan = planner.plan(
    head("POST /a?b HTTP/1.1\r\nHost: Example.com:443\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
  );
  assertEquals(
    [plan.url, plan.framing, plan.expectsContinue, plan.persists],
    ["https://example.com/a?b", { kind: "length", length: 3 }, true, true],
  );
  const old = planner.plan(head("GET / HTTP/1.0\r\nConnection: x\r\n\r\n"));
  assertEquals([old.url, old.expectsContinue, old.persists], ["https://here:8443/", false, false]);
});

Deno.test("RequestPlanner.plan() gives the same head its plan again, and a head that was refused another refusal", () => {
  const planner = new RequestPlanner("http", () => "here");
  const [one, other] = [
    head("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    head("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
  ];
  const plan = planner.plan(one);
  assertStrictEquals(planner.plan(one), plan);
  assertEquals(planner.plan(other).url, "http://a/2");
  assert(planner.plan(one) !== plan);
  const refused = head("GET / HTTP/1.1\r\n\r\n"); // without Host
  assertThrows(() => planner.plan(refused), HttpError);
  assertThrows(() => planner.plan(refused), HttpError);
  assertEquals(planner.plan(one).url, "http://a/1");
});
