/**
 * The soak: every attack that is known on a real server over real sockets, beside a normal client, with its numbers.
 *
 *     deno task soak --minutes 20 [--only NAME,NAME] [--json] [--seed 1] [--lenient]
 *
 * The server, the attacker and the normal client are processes of their own, one set for each case. The exit status is 1
 * when a bound was not kept. SECURITY.md says what is defended; `cases/` what each case may cost.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { openssl } from "../attacks/certificates.ts";
import { CASES } from "./cases/all.ts";
import type { SoakCase } from "./case.ts";
import { judge, LENIENT, STRICT } from "./judge.ts";
import { describeOutcome, outcomeToJson } from "./report.ts";
import { runCase, type Setting } from "./run_case.ts";
import { certify } from "./certificate_files.ts";

/** What a case takes beside its attack, in milliseconds: three windows of the normal client, starts and ends. */
const QUIET = 2_000;
const OVERHEAD = 4 * QUIET + 2_000;
const LEAST_ATTACK = 3_000;

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    minutes: { type: "string", default: "15" },
    only: { type: "string" },
    json: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    lenient: { type: "boolean", default: false },
  },
});
const only = flags.only?.split(",");
const cases = CASES.filter(({ name }) => only === undefined || only.includes(name));
if (cases.length < (only?.length ?? 1)) {
  console.error(`There is no such case. There are: ${CASES.map(({ name }) => name).join(", ")}`);
  Deno.exit(2);
}
const strictness = flags.lenient ? LENIENT : STRICT;
const folder = await Deno.makeTempDir();
let failed = 0;
try {
  const certificate = openssl === null ? null : await certify(openssl, folder);
  const each = Number(flags.minutes) * 60_000 / cases.length;
  const pace = {
    attack: Math.max(LEAST_ATTACK, each - OVERHEAD),
    quiet: QUIET,
    control: QUIET,
    settle: 10_000,
  };
  for (const soakCase of cases) {
    if (soakCase.tls && certificate === null) say(`skipped ${soakCase.name}: openssl is not installed`);
    else await show(soakCase, { pace, certificate, seed: Number(flags.seed) });
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
say(`${cases.length - failed} of ${cases.length} cases kept their bounds`);
Deno.exit(failed > 0 ? 1 : 0);

async function show(soakCase: SoakCase, setting: Setting): Promise<void> {
  try {
    const outcome = await runCase(soakCase, setting);
    const faults = judge(soakCase, outcome, strictness);
    if (faults.length > 0) failed++;
    console.log((flags.json ? outcomeToJson : describeOutcome)(soakCase, outcome, faults));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    failed++;
    const fault = `the case came to no end: ${error.message}`;
    console.log(
      flags.json
        ? JSON.stringify({ name: soakCase.name, faults: [fault] })
        : `FAILED ${soakCase.name}: ${fault}`,
    );
  }
}

/** Prints what is no row: not between the lines of JSON. */
function say(text: string): void {
  if (flags.json) console.error(text);
  else console.log(text);
}
