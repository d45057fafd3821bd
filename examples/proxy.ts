/**
 * A streaming reverse proxy: bodies pass as they come, in both directions and no faster than they are read, and a client
 * that leaves takes its upstream request with it.
 *
 *     deno run -A examples/proxy.ts --upstream http://127.0.0.1:8000 --port 8001
 */
import { HttpError, serve } from "../mod.ts";

const upstream = new URL(flag("--upstream", "http://127.0.0.1:8000"));
const port = Number(flag("--port", "8001"));

serve({ hostname: "127.0.0.1", port, bodySizeLimit: null }, async (request) => {
  const url = new URL(upstream);
  ({ pathname: url.pathname, search: url.search } = new URL(request.url));
  const { body, status, statusText, headers } = await fetchOrRefuse(new Request(url, request));
  return new Response(body, { status, statusText, headers: endToEnd(headers) });
});

async function fetchOrRefuse(request: Request): Promise<Response> {
  const headers = endToEnd(request.headers);
  headers.set("accept-encoding", "identity"); // fetch would decode the body, and tell the length it had before
  try {
    return await fetch(new Request(request, { headers }));
  } catch (cause) {
    throw new HttpError(502, "The upstream server gave no answer", { cause });
  }
}

/** The fields that are not for one connection only (RFC 9110 §7.6.1). */
function endToEnd(fields: Headers): Headers {
  const headers = new Headers(fields);
  const named = fields.get("connection")?.split(",").map((name) => name.trim()) ?? [];
  const own = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
  ];
  for (const name of [...own, ...named]) if (name !== "") headers.delete(name);
  return headers;
}

function flag(name: string, standard: string): string {
  const at = Deno.args.indexOf(name);
  return at < 0 ? standard : Deno.args[at + 1] ?? standard;
}
