/**
 * Programs of the project in processes of their own.
 *
 * @module
 */

import { within } from "./deadline.ts";

/**
 * Runs a test with a program, and then tells it to end.
 *
 * @param path the program, from the root of the project
 * @param args its arguments
 * @param run is given the first line that it prints
 * @param permissions what it may do
 * @returns the code that it ended with
 */
export async function withProgram(
  path: string,
  args: readonly string[],
  run: (line: string) => Promise<void>,
  permissions: readonly string[] = ["-A"],
): Promise<number> {
  const script = new URL(`../../${path}`, import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissions, script, ...args],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let ended: Deno.CommandStatus;
  try {
    const { value = "" } = await within(`the first line of ${path}`, lines.read(), 20_000);
    await run(value);
  } finally {
    child.kill("SIGTERM");
    ended = await within(`the end of ${path}`, child.status, 10_000);
    await lines.cancel();
  }
  return ended.code;
}
