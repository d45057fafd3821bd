/**
 * Burns CPU without touching anything, as a control: latencies that rise beside it rise for want of a processor.
 *
 *     deno run burner_program.ts MILLISECONDS
 *
 * @module
 */

import { tell } from "./lines.ts";

tell("ready");
const end = performance.now() + Number(Deno.args[0]);
let sum = 0;
while (performance.now() < end) sum = (sum * 31 + 7) % 1_000_003;
tell("done", sum);
