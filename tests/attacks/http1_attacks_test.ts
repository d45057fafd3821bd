/** The HTTP/1 cases of the attack corpus (`attacks.json`) against the testbed in processes of its own. */

import { loadCorpus } from "./corpus.ts";
import { runCorpus, tell } from "./runner.ts";
import { testbedProgram } from "./server_process.ts";

/** Cases of level `should` that fail on purpose, by id, each with its reason. */
const reasons: Readonly<Record<string, string>> = {};

Deno.test("an HTTP/1 server withstands the attack corpus", async (t) => {
  await tell(t, await runCorpus(await loadCorpus(), testbedProgram()), reasons);
});
