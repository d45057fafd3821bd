/**
 * What several cases expect of an outcome.
 *
 * @module
 */

import type { Outcome } from "../case.ts";

/** Fails unless one of these was answered. */
export function answeredWith(...expected: readonly string[]): (outcome: Outcome) => (string | false)[] {
  return ({ answers }) => [
    !expected.some((answer) => answer in answers) && `nobody was answered ${expected.join(" or ")}`,
  ];
}

/** How often something was answered. */
export function counted({ answers }: Outcome, answer: string): number {
  return answers[answer]?.count ?? 0;
}
