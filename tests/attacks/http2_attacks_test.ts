/** The HTTP/2 cases of the attack corpus (`attacks.json`) against the testbed in processes of its own. */

import { loadCorpus } from "./corpus.ts";
import { parseHttp2Cases } from "./http2_case.ts";
import { runHttp2Cases } from "./http2_runner.ts";
import { tell } from "./runner.ts";
import { testbedProgram } from "./server_process.ts";

/** Cases of level `should` that fail on purpose, by id, each with its reason. */
const reasons: Readonly<Record<string, string>> = {};

Deno.test("an HTTP/2 server withstands the attack corpus", async (t) => {
  const text = await Deno.readTextFile(new URL("./attacks.json", import.meta.url));
  const results = await runHttp2Cases(parseHttp2Cases(text), await loadCorpus(), testbedProgram());
  await tell(t, results, reasons);
});
