/**
 * A headless browser.
 *
 * @module
 */

import { pass, within } from "./deadline.ts";
import { findTool, type Ran, runTool } from "./tools.ts";

/** The path of an installed browser, or `null`. */
export const chromium: string | null = findTool("chromium", "chromium-browser", "google-chrome");

const OFF = ["background-networking", "component-update", "gpu", "quic", "sync"];

/** What every run has in common; certificates are not checked. */
function commonOptions(folder: string): string[] {
  const off = OFF.map((name) => `--disable-${name}`);
  const quiet = ["--headless", "--no-sandbox", "--no-first-run", ...off];
  return [...quiet, "--ignore-certificate-errors", `--user-data-dir=${folder}`];
}

/** Loads a page, lets its scripts run for 5 seconds of a clock that fetches stop, and prints what it has become. */
export async function dumpPage(path: string, url: string, ...options: readonly string[]): Promise<Ran> {
  const folder = await Deno.makeTempDir();
  try {
    const all = [...commonOptions(folder), "--virtual-time-budget=5000", ...options, "--dump-dom", url];
    return await runTool(path, all, 60_000);
  } finally {
    await remove(folder);
  }
}

/** Opens a page for as long as `told` is awaited: for what a page does that is no fetch, which that clock would outrun. */
export async function whileOpen<T>(path: string, url: string, told: Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  const args = [...commonOptions(folder), "--no-proxy-server", "--remote-debugging-port=0", url];
  const child = new Deno.Command(path, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  try {
    return await within("what the page tells", told, 30_000);
  } finally {
    child.kill("SIGTERM");
    await within("the browser's end", child.status, 10_000);
    await remove(folder);
  }
}

/** Removes a folder that processes of a browser which has ended may still write to. */
async function remove(folder: string): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      return await Deno.remove(folder, { recursive: true });
    } catch (error) {
      if (tries === 50) throw error;
      await pass(100);
    }
  }
}
