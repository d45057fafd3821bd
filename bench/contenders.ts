/** The servers that are measured, each in a process of its own. */
import { startNginx } from "./nginx.ts";
import type { WorkloadName } from "./workloads.ts";

/** The names of the servers, in the order of the tables. */
export const CONTENDER_NAMES = ["drover", "drover-web", "deno", "node", "nginx", "bare"] as const;

/** The name of a server. */
export type ContenderName = typeof CONTENDER_NAMES[number];

/** A server, and how its process is started. */
export interface Contender {
  readonly title: string;
  readonly program: "deno" | "node" | "nginx";
  /** File in `servers/`; none for nginx. */
  readonly file: string;
  /** What follows the name of the workload on its command line. */
  readonly args: readonly string[];
  /** The workloads it can serve; `null` for all. */
  readonly only: readonly WorkloadName[] | null;
}

/** All servers by name. */
export const CONTENDERS: Readonly<Record<ContenderName, Contender>> = {
  drover: { title: "Drover", program: "deno", file: "drover.ts", args: [], only: null },
  "drover-web": {
    title: "Drover, web `Response`",
    program: "deno",
    file: "drover.ts",
    args: ["web"],
    only: null,
  },
  deno: { title: "Deno.serve", program: "deno", file: "deno_serve.ts", args: [], only: null },
  node: { title: "node:http(2)", program: "node", file: "node_http.mjs", args: [], only: null },
  nginx: {
    title: "nginx",
    program: "nginx",
    file: "",
    args: [],
    only: ["h2-text", "h2-json", "h2-bytes"],
  },
  bare: {
    title: "bare Deno.Conn loop",
    program: "deno",
    file: "bare_conn.ts",
    args: [],
    only: ["text"],
  },
};

/** Whether a text names a server. */
export function isContenderName(text: string): text is ContenderName {
  return CONTENDER_NAMES.some((name) => name === text);
}

/** A server that runs. */
export interface Running {
  readonly name: ContenderName;
  /** The process whose CPU time is measured. */
  readonly pid: number;
  readonly port: number;
  /** Ends the process; gives the lines that it wrote to standard error. */
  stop(): Promise<string[]>;
}

/**
 * Starts the process of a server and waits until it listens.
 *
 * @throws {Error} when it ends before that
 */
export async function startContender(
  name: ContenderName,
  workload: WorkloadName,
): Promise<Running> {
  const { title, program, file, args } = CONTENDERS[name];
  if (program === "nginx") return await startNginx(workload);
  const path = new URL(`servers/${file}`, import.meta.url).pathname;
  const [command, flags] = program === "node" ? ["node", []] : [Deno.execPath(), ["run", "-A"]];
  const child = new Deno.Command(command, {
    args: [...flags, path, workload, ...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const complaints = child.stderr.text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const stop = async () => {
    child.kill("SIGKILL");
    await child.status;
    await lines.cancel();
    return (await complaints).split("\n").filter((line) => line !== "");
  };
  let output = "";
  while (!output.includes("\n")) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`${title} ended before it listened: ${await complaints}`);
    output += value;
  }
  const port = /^port (\d+)$/m.exec(output)?.[1];
  if (port !== undefined) return { name, pid: child.pid, port: Number(port), stop };
  await stop();
  throw new Error(`${title} did not say its port, but: ${output.trim()}`);
}

/** Whether a program can be started. */
export async function isInstalled(program: string): Promise<boolean> {
  try {
    const version = program === "nginx" ? "-v" : "--version";
    await new Deno.Command(program, { args: [version], stdout: "null", stderr: "null" })
      .output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
