/** The HTTP/1 cases of the attack corpus (`attacks.json`) against the testbed in processes of its own. */

import { assert } from "../support/assert.ts";
import { loadCorpus } from "./corpus.ts";
import { runCorpus } from "./runner.ts";
import { testbedProgram } from "./server_process.ts";

/**
 * Cases of level `should` that fail on purpose, by id, each with its reason. One that passes after all, or that is a
 * `must`, fails the test.
 */
const reasons: Readonly<Record<string, string>> = {};

Deno.test("an HTTP/1 server withstands the attack corpus", async (t) => {
  const { cases, rules } = await runCorpus(await loadCorpus(), testbedProgram());
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
  for (const id of Object.keys(reasons)) {
    assert(cases.some((result) => result.id === id), `${id} is a case of the corpus`);
  }
});
