/**
 * Measures Drover beside `Deno.serve`, Node's http and http2, nginx and a bare read and write loop: `deno task bench`. See
 * README.md.
 *
 *     deno task bench [--rounds 5] [--seconds 3] [--connections 32] [--only WORKLOAD] [--server NAME] [--own-load]
 *
 * `--only` and `--server` may be repeated.
 */
import {
  CONTENDER_NAMES,
  type ContenderName,
  CONTENDERS,
  isContenderName,
  isInstalled,
  type Running,
  startContender,
} from "./contenders.ts";
import { cpuMicroseconds } from "./cpu.ts";
import { type Load, loadByH2load, loadByOwn, loadByWrk, type LoadOptions } from "./load.ts";
import { renderTable, type Sample, summarize } from "./report.ts";
import { isWorkloadName, type Workload, WORKLOAD_NAMES, type WorkloadName, WORKLOADS } from "./workloads.ts";

interface Settings {
  rounds: number;
  seconds: number;
  connections: number;
  ownLoad: boolean;
  only: WorkloadName[];
  servers: ContenderName[];
}

const USAGE = `deno task bench [--rounds N] [--seconds N] [--connections N] [--own-load]
  [--only ${WORKLOAD_NAMES.join("|")}] [--server ${CONTENDER_NAMES.join("|")}]`;

function parseSettings(args: readonly string[]): Settings | null {
  const settings: Settings = {
    rounds: 5,
    seconds: 3,
    connections: 32,
    ownLoad: false,
    only: [],
    servers: [],
  };
  const rest = [...args];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (flag === "--own-load") {
      settings.ownLoad = true;
      continue;
    }
    const value = rest.shift() ?? "";
    if (flag === "--only" && isWorkloadName(value)) settings.only.push(value);
    else if (flag === "--server" && isContenderName(value)) settings.servers.push(value);
    else if (!/^[1-9]\d{0,3}$/.test(value)) return null;
    else if (flag === "--rounds") settings.rounds = Number(value);
    else if (flag === "--seconds") settings.seconds = Number(value);
    else if (flag === "--connections") settings.connections = Number(value);
    else return null;
  }
  return settings;
}

async function main(settings: Settings): Promise<void> {
  const workloads = settings.only.length > 0 ? settings.only : WORKLOAD_NAMES;
  const hasNode = await isInstalled("node");
  const hasWrk = !settings.ownLoad && await isInstalled("wrk");
  const load = hasWrk ? loadByWrk : loadByOwn;
  const wanted = settings.servers.length > 0 ? settings.servers : CONTENDER_NAMES;
  const hasNginx = await isInstalled("nginx");
  const hasH2load = await isInstalled("h2load");
  const names = wanted.filter((name) =>
    (hasNode || CONTENDERS[name].program !== "node") && (hasNginx || name !== "nginx")
  );
  console.log(
    `Deno ${Deno.version.deno}; load by ${hasWrk ? "wrk" : "load_generator.ts"}, ${settings.connections} ` +
      `connections; medians over ${settings.rounds} rounds of ${settings.seconds} s\n`,
  );
  if (!hasNode) console.log("node is not installed: node:http(2) is left out\n");
  if (!hasNginx) console.log("nginx is not installed: it is left out\n");
  if (!hasH2load) console.log("h2load is not installed: HTTP/2 is left out\n");
  for (const name of workloads) {
    const workload = WORKLOADS[name];
    if (workload.http2 && !hasH2load) continue;
    const chosen = workload.http2 ? loadByH2load : load;
    console.log(await measure(workload, names, { ...settings, load: chosen }));
  }
}

/** Measures one workload on all servers, in turn and in several rounds, and gives the table. */
async function measure(
  workload: Workload,
  names: readonly ContenderName[],
  settings: Settings & { readonly load: Load },
): Promise<string> {
  const able = names.filter((name) => CONTENDERS[name].only?.includes(workload.name) ?? true);
  const servers: Running[] = [];
  try {
    for (const name of able) servers.push(await startContender(name, workload.name));
    const samples = new Map(servers.map(({ name }): [ContenderName, Sample[]] => [name, []]));
    for (const server of servers) {
      await check(workload, server);
      await sample(workload, server, { ...settings, seconds: Math.min(settings.seconds, 2) }); // warms it up
    }
    for (let round = 0; round < settings.rounds; round++) {
      const turn = round % servers.length; // nobody is always first
      for (const server of [...servers.slice(turn), ...servers.slice(0, turn)]) {
        samples.get(server.name)?.push(await sample(workload, server, settings));
      }
    }
    const summaries = [...samples].map(([name, all]) => [name, summarize(all)] as const);
    return renderTable(workload, new Map(summaries));
  } finally {
    for (const server of servers) tellComplaints(server.name, await server.stop());
  }
}

/** `Deno.serve` reports each request that the end of a load cuts off. */
function tellComplaints(name: ContenderName, lines: readonly string[]): void {
  if (lines.length === 0) return;
  console.log(
    `${CONTENDERS[name].title} wrote ${lines.length} lines to standard error: ${lines[0]} ...\n`,
  );
}

/** A server that answers something else is not worth measuring. */
async function check(workload: Workload, server: Running): Promise<void> {
  const { name, method, headers, body, answerLength, http2 } = workload;
  if (http2) return await checkHttp2(workload, server);
  const response = await fetch(`http://127.0.0.1:${server.port}/`, { method, headers, body });
  const { length } = await response.bytes();
  if (response.status === 200 && (answerLength === null || length === answerLength)) return;
  throw new Error(
    `${server.name} answers ${name} with status ${response.status} and ${length} bytes`,
  );
}

/** Asked by curl, since not every one of them speaks HTTP/1 too. */
async function checkHttp2({ name, headers, body, answerLength }: Workload, server: Running): Promise<void> {
  const { stdout } = await new Deno.Command("curl", {
    args: [
      ...["-sS", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code} %{size_download}"],
      ...Object.entries(headers).flatMap(([field, value]) => ["-H", `${field}: ${value}`]),
      ...(body === null ? [] : ["-d", body]),
      `http://127.0.0.1:${server.port}/`,
    ],
  }).output();
  const [status, length] = new TextDecoder().decode(stdout).split(" ").map(Number);
  if (status === 200 && (answerLength === null || length === answerLength)) return;
  throw new Error(`${server.name} answers ${name} with status ${status} and ${length} bytes`);
}

async function sample(
  workload: Workload,
  { pid, port }: Running,
  { load, ...options }: Omit<LoadOptions, "port"> & { readonly load: Load },
): Promise<Sample> {
  const before = await cpuMicroseconds(pid);
  const { requests, seconds, errors } = await load(workload, { ...options, port });
  const cpu = (await cpuMicroseconds(pid) - before) / requests;
  return { requestsPerSecond: requests / seconds, cpu, errors };
}

if (import.meta.main) {
  const settings = parseSettings(Deno.args);
  if (settings === null) {
    console.error(USAGE);
    Deno.exit(1);
  }
  await main(settings);
}
