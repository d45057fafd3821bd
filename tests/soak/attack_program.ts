/**
 * The attacker: one attack, then its figures; whatever it has open when it ends is left to the system to close.
 *
 *     deno run -A attack_program.ts NAME INIT
 *
 * @module
 */

import { assert } from "../support/assert.ts";
import { Attack, type AttackInit } from "./attack.ts";
import { ATTACKS } from "./attacks/all.ts";
import { answerCommands, tell } from "./lines.ts";

/** How long an attack may take beyond its time, in milliseconds: one that hangs must not hang the soak. */
const GRACE = 30_000;

const [name = "", text = "{}"] = Deno.args;
const init: AttackInit = JSON.parse(text);
const body = ATTACKS[name];
assert(body !== undefined, `there is an attack of that name: ${name}`);
const attack = new Attack(init);
answerCommands(() => attack.onLook()).then(() => Deno.exit(0)); // the parent has gone
const timer = setTimeout(() => {
  attack.count("the attack did not end in time");
  tell("done", attack.answers);
  Deno.exit(0);
}, init.seconds * 1000 + GRACE);
await body(attack);
clearTimeout(timer);
tell("done", attack.answers);
Deno.exit(0);
