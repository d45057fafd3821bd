/** nginx as a contender over HTTP/2: one worker, no log, everything in a temporary folder. */
import type { Running } from "./contenders.ts";
import type { WorkloadName } from "./workloads.ts";

const MIB = 1024 * 1024;

/** What it answers: nginx has no handlers, so that the JSON is a constant. */
function location(workload: WorkloadName, folder: string): string {
  if (workload === "h2-bytes") return `root ${folder}; try_files /bytes =404;`;
  if (workload === "h2-text") return `default_type text/plain; return 200 "Hello, World!";`;
  const json = {
    hello: "world",
    path: "/",
    userAgent: "a browser of the length that one has",
    accept: "*/*",
  };
  return `default_type application/json; return 200 '${JSON.stringify(json)}';`;
}

function configuration(workload: WorkloadName, folder: string, port: number): string {
  const many = 1_000_000_000;
  return `worker_processes 1; daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests ${many}; client_body_temp_path ${folder}/body; sendfile on;
  proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server { listen 127.0.0.1:${port} http2; location / { ${location(workload, folder)} } }
}
`;
}

/** Starts nginx, and waits until it listens. */
export async function startNginx(workload: WorkloadName): Promise<Running> {
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/bytes`, new Uint8Array(MIB).fill(0x78));
  const port = freePort();
  await Deno.writeTextFile(`${folder}/nginx.conf`, configuration(workload, folder, port));
  const args = ["-e", "stderr", "-c", `${folder}/nginx.conf`];
  const child = new Deno.Command("nginx", { args, stderr: "piped", stdout: "null" }).spawn();
  const complaints = child.stderr.text();
  const stop = async () => {
    child.kill("SIGTERM");
    await child.status;
    await Deno.remove(folder, { recursive: true });
    return (await complaints).split("\n").filter((line) => line !== "" && !line.includes("[notice]"));
  };
  if (await listens(port)) return { name: "nginx", pid: child.pid, port, stop };
  throw new Error(`nginx does not listen: ${(await stop()).join("; ")}`);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

async function listens(port: number): Promise<boolean> {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return false;
}
