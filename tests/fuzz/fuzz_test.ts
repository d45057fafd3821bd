/** Each target of the fuzzer for a short while, with a seed that stays the same: `deno task fuzz` goes on for longer. */

import { assertEquals } from "@std/assert";
import { campaign } from "./campaign.ts";
import { show } from "./print.ts";
import { TARGETS } from "./targets.ts";

const SEED = 1;

/** How long all targets take together, in seconds. */
const SECONDS = 15;

for (const target of TARGETS) {
  const reason = target.skip?.() ?? null;
  const ignored = reason === null ? "" : ` [ignored: ${reason}]`;
  Deno.test({
    name: `random input shows no fault in ${target.name}${ignored}`,
    ignore: reason !== null,
    async fn() {
      const { found } = await campaign(target, {
        seed: SEED,
        seconds: SECONDS / TARGETS.length,
        shrinkSeconds: 5,
      });
      const fault = found && `case ${found.case}, seed ${SEED}: ${found.error.stack}\n${show(found.input)}`;
      assertEquals(fault, null);
    },
  });
}
