/**
 * Real clients: where they are, and running them with a deadline.
 *
 * @module
 */

import { within } from "./deadline.ts";

/** The path of an installed program, the first of several names that exists; `null` without one. */
export function findTool(...names: readonly string[]): string | null {
  for (const name of names) {
    for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
      if (folder.endsWith("/node_compat_bin")) continue; // there Deno itself goes by the name of node
      try {
        if (Deno.statSync(`${folder}/${name}`).isFile) return `${folder}/${name}`;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
          throw error;
        }
      }
    }
  }
  return null;
}

/** What a program said before it ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; it is killed when that takes longer than `milliseconds`. */
export async function runTool(
  path: string,
  args: readonly string[],
  milliseconds = 20_000,
): Promise<Ran> {
  const child = new Deno.Command(path, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  try {
    const { code, stdout, stderr } = await within(`the end of ${path}`, output, milliseconds);
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    child.kill("SIGKILL");
    await output;
    throw error;
  }
}

/** A test that needs a program; without it, it is reported as ignored with the reason in its name. */
export function testWithTool(
  tool: string | null,
  names: string,
  name: string,
  run: (path: string) => Promise<void>,
): void {
  if (tool === null) {
    Deno.test({ name: `${name} [ignored: ${names} is not installed]`, ignore: true, fn: () => {} });
  } else {
    Deno.test(name, () => run(tool));
  }
}
