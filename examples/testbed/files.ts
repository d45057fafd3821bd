/** Static files by a library that knows nothing of Drover: its `fetch` takes our request as it would take any. */
import { type Context, Hono } from "hono";
import { etag } from "hono/etag";
import { serveStatic } from "hono/serve-static";
import type { Call } from "./call.ts";

const ROOT = new URL("../public", import.meta.url).pathname;

const app = new Hono();
app.use(etag());
app.get(
  "/files/*",
  serveStatic({
    root: ROOT,
    rewriteRequestPath: (path) => path.slice("/files".length),
    isDir: async (path) => (await Deno.stat(path).catch(() => null))?.isDirectory,
    getContent: readFile,
  }),
);
app.notFound((context) => context.text("404 Not Found", 404));

/** `GET /files/*`: what `examples/public/` has. */
export function files({ request }: Call): Response | Promise<Response> {
  return app.fetch(request);
}

/** Whole, for the files are small; and with its length, which a streamed file would not tell. */
async function readFile(path: string, context: Context): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    const bytes = await Deno.readFile(path);
    context.header("content-length", String(bytes.length));
    return bytes;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw error;
  }
}
