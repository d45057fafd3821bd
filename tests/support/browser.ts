/**
 * A headless browser.
 *
 * @module
 */

import { findTool, type Ran, runTool } from "./tools.ts";

/** The path of an installed browser, or `null`. */
export const chromium: string | null = findTool("chromium", "chromium-browser", "google-chrome");

/** Loads a page, lets its scripts run for 5 seconds at most, and prints what it has become; certificates are not checked. */
export async function dumpPage(path: string, url: string, ...options: readonly string[]): Promise<Ran> {
  const folder = await Deno.makeTempDir();
  const quiet = ["background-networking", "component-update", "gpu", "quic", "sync"];
  try {
    return await runTool(path, [
      ...["--headless", "--no-sandbox", "--no-first-run", ...quiet.map((name) => `--disable-${name}`)],
      ...["--ignore-certificate-errors", "--virtual-time-budget=5000", `--user-data-dir=${folder}`],
      ...options,
      ...["--dump-dom", url],
    ], 60_000);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
