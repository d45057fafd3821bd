/** The inputs that have shown a fault, each made as small as it could be. */

import { Judge } from "./campaign.ts";
import { TARGETS } from "./targets.ts";

/** A request of the target `endings`. */
function ask(manner: string, more: Record<string, unknown> = {}, connection = 0): unknown {
  const sent = { method: "GET", size: 0, sent: 0, chunked: false };
  return {
    do: "ask",
    connection,
    asking: { manner, ...sent, expects: false, upgrades: false, h2c: false, ...more },
  };
}

/** What one client of the target `endings` does, and how it leaves. */
function ending(leaves: string, ...steps: readonly unknown[]): unknown {
  return { connections: [{ version: 1, capacity: 10_000, encrypted: false, leaves }], options: {}, steps };
}

const SILENT = "silent stream";
const WAIT = { do: "pass", milliseconds: 70_000 };

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
  [
    "a body that breaks off before the first chunk of its response",
    "endings",
    ending(
      "end",
      ask(SILENT, {
        method: "POST",
        size: 1428,
        sent: 512,
        chunked: true,
      }),
    ),
  ],
  ["a client that leaves behind a further request", "endings", ending("end", ask(SILENT), ask("ignore"))],
  [
    "a client that leaves long after its body was malformed",
    "endings",
    ending(
      "close",
      ask(SILENT, { method: "POST", size: 244, sent: 139, chunked: true }),
      { do: "pass", milliseconds: 5 },
      ask("cancel body", { method: "POST", size: 428, sent: 406 }),
      WAIT,
    ),
  ],
  [
    "a reset behind an upload that has timed out",
    "endings",
    ending("reset", ask(SILENT, { method: "POST", size: 8 }), WAIT),
  ],
  [
    "an end behind two requests that wait for it",
    "endings",
    ending("end", ask("wait for signal"), ask("wait for signal")),
  ],
  ["a stop at the end of a handshake", "endings", {
    connections: [true, false, false].map((encrypted) => ({
      version: 2,
      capacity: 1e6,
      encrypted,
      leaves: "reset",
    })),
    options: {},
    steps: [ask("ignore", {}, 1), { do: "stop", timeout: 5000 }, WAIT],
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
