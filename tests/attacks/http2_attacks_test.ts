/** The HTTP/2 cases of the attack corpus (`attacks.json`) against the testbed in processes of its own. */

import { assert } from "../support/assert.ts";
import { loadCorpus } from "./corpus.ts";
import { parseHttp2Cases } from "./http2_case.ts";
import { runHttp2Cases } from "./http2_runner.ts";
import { testbedProgram } from "./server_process.ts";

/**
 * Cases of level `should` that fail on purpose, by id, each with its reason. One that passes after all, or that is a
 * `must`, fails the test.
 */
const reasons: Readonly<Record<string, string>> = {};

Deno.test("an HTTP/2 server withstands the attack corpus", async (t) => {
  const text = await Deno.readTextFile(new URL("./attacks.json", import.meta.url));
  const { cases, rules } = await runHttp2Cases(parseHttp2Cases(text), await loadCorpus(), testbedProgram());
  for (const { id, ref, level, failure } of cases) {
    const reason = reasons[id];
    const name = `${id}: ${ref}${reason === undefined ? "" : ` [known: ${reason}]`}`;
    await t.step(name, () => {
      if (reason === undefined) return assert(failure === null, `${id} (${level}): ${failure}`);
      assert(level === "should", `${id} is a must, for which there is no reason to fail`);
      assert(failure !== null, `${id} passes: take it out of the table`);
    });
  }
  for (const { rule, failure } of rules) {
    await t.step(rule, () => assert(failure === null, `${rule}: ${failure}`));
  }
});
