/**
 * Whether anybody listens on a unix socket: a program that was killed leaves its socket behind, which then
 * keeps the next one from listening.
 *
 * @module
 */

/** What is found at a path: a socket on which a program listens, or none does; a file of another kind. */
export type Found = "live" | "stale" | "file" | "unknown";

/** How long a connection to a socket may take, in milliseconds. */
const PATIENCE = 2000;

const ANSWERS: readonly Found[] = ["unknown", "live", "stale"];

/**
 * Runs in a worker: connects, and stores which of {@link ANSWERS} came of it. A connection to a socket on
 * which nobody listens is refused.
 */
const PROBE = `onmessage = async ({ data: { path, answer } }) => {
  let found = 0;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    found = 1;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) found = 2;
  }
  Atomics.store(answer, 1, found);
  Atomics.store(answer, 0, 1);
  Atomics.notify(answer, 0);
};`;

/**
 * Finds out what is at a path, by a connection to it. Deno connects asynchronously, and listening is
 * synchronous: a worker connects, while this thread waits for it. That takes about a tenth of a second, and
 * is done only when listening has failed.
 */
export function findSocket(path: string): Found {
  if (!path.startsWith("\0") && isOtherFile(path)) return "file";
  const answer = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(PROBE)}`, { type: "module" });
  try {
    worker.postMessage({ path, answer });
    Atomics.wait(answer, 0, 0, PATIENCE);
    return ANSWERS[answer[1] ?? 0] ?? "unknown";
  } finally {
    worker.terminate();
  }
}

/** Whether a file that is there is no socket. Where it cannot be looked at, it is taken for one. */
function isOtherFile(path: string): boolean {
  try {
    return Deno.statSync(path).isSocket === false;
  } catch {
    return false; // it has gone meanwhile, or may not be looked at: the connection tells
  }
}
