/** The short form of the soak: the attacks that matter most, with bounds that a machine keeps that does other work besides. */

import { openssl } from "../attacks/certificates.ts";
import { assertEquals } from "../support/assert.ts";
import { certify } from "./certificate_files.ts";
import type { ShortForm, SoakCase } from "./case.ts";
import { CASES } from "./cases/all.ts";
import { judge, LENIENT } from "./judge.ts";
import { runCase } from "./run_case.ts";

/** The windows of the normal client, in milliseconds, and how long a server may take to let go of what has left. */
const QUIET = 300;
const SETTLE = 10_000;

async function survive(soakCase: SoakCase, { seconds, scale, options }: ShortForm): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const certificate = openssl === null ? null : await certify(openssl, folder);
    const form: SoakCase = {
      ...soakCase,
      scale: scale ?? soakCase.scale,
      options: { ...soakCase.options, ...options },
      leastSeconds: seconds,
    };
    const pace = { attack: 0, quiet: QUIET, control: 0, settle: SETTLE };
    const outcome = await runCase(form, { pace, certificate, seed: 1 });
    assertEquals(judge(form, outcome, LENIENT), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const soakCase of CASES) {
  const { name, about, short, tls } = soakCase;
  if (short === undefined) continue;
  const title = `the soak in short: others are served, and nothing is left, under ${name}: ${about}`;
  if (tls && openssl === null) {
    Deno.test({ name: `${title} [ignored: openssl is not installed]`, ignore: true, fn: () => {} });
  } else {
    Deno.test(title, () => survive(soakCase, short));
  }
}
