/** The inputs that have shown a fault, each made as small as it could be. */

import { Judge } from "./campaign.ts";
import { TARGETS } from "./targets.ts";

/** What was wrong, the target that has found it, and the input. */
const REGRESSIONS: readonly (readonly [what: string, target: string, input: unknown])[] = [
  ["a member that is there twice, the second of another type", "priority", "u=1,u=()"],
  ["a tab behind the last member", "priority", "i\t"],
  ["a decimal with thirteen digits before its point", "priority", "i=9999999999999.9,u=4"],
  ["a HEAD whose target is too long", "http2", {
    steps: [
      { type: "settings", settings: [] },
      {
        type: "head",
        fields: [[":path", "//cb"], [":scheme", "http"], [":method", "HEAD"]],
        end: false,
        cuts: [],
        padding: 0,
        priority: false,
        id: 5,
      },
    ],
    bytes: "",
    cuts: [],
    options: { targetSizeLimit: 3 },
    ends: true,
    right: false,
  }],
];

for (const [what, name, input] of REGRESSIONS) {
  const target = TARGETS.find((other) => other.name === name);
  if (target === undefined) throw new RangeError(`there is no target ${name}`);
  const reason = target.skip?.() ?? null;
  const ignored = reason === null ? "" : ` [ignored: ${reason}]`;
  Deno.test({
    name: `${name} takes ${what} as it should${ignored}`,
    ignore: reason !== null,
    async fn() {
      using judge = new Judge(target);
      try {
        const verdict = await judge.judge(input);
        if (verdict instanceof Error) throw verdict;
      } finally {
        await target.stop?.();
      }
    },
  });
}
