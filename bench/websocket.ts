/**
 * Measures round trips of small WebSocket messages: Drover beside `Deno.upgradeWebSocket` and, on Node, npm's `ws`.
 *
 *     deno run -A bench/websocket.ts [--rounds 5] [--messages 20000]
 *
 * One connection, one message of 16 bytes at a time; medians over the rounds, in which the servers take turns.
 */
import "ws";
import { isInstalled } from "./contenders.ts";
import { cpuMicroseconds } from "./cpu.ts";

const MESSAGE = "sixteen bytes ok";

interface Server {
  readonly title: string;
  readonly child: Deno.ChildProcess;
  readonly socket: WebSocket;
  readonly wall: number[];
  readonly cpu: number[];
}

function flag(name: string, standard: number): number {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? standard : Number(Deno.args[at + 1]);
}

/** Starts a server, and connects to it. */
async function start(title: string, command: string, args: string[]): Promise<Server> {
  const child = new Deno.Command(command, { args, stdout: "piped" }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await lines.read();
  lines.cancel();
  const socket = new WebSocket(`ws://127.0.0.1:${/port (\d+)/.exec(value)?.[1]}/`);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`${title} does not open a socket`));
  });
  return { title, child, socket, wall: [], cpu: [] };
}

/** One round: so many messages to and fro. */
async function measure({ socket, child, wall, cpu }: Server, messages: number): Promise<void> {
  const before = await cpuMicroseconds(child.pid);
  const start = performance.now();
  await new Promise<void>((resolve) => {
    let left = messages;
    socket.onmessage = () => {
      left -= 1;
      if (left === 0) resolve();
      else socket.send(MESSAGE);
    };
    socket.send(MESSAGE);
  });
  wall.push((performance.now() - start) * 1000 / messages);
  cpu.push((await cpuMicroseconds(child.pid) - before) / messages);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

const path = (file: string) => new URL(`servers/${file}`, import.meta.url).pathname;
const servers = [
  await start("Drover", Deno.execPath(), ["run", "-A", path("websocket.ts"), "drover"]),
  await start("Deno.upgradeWebSocket", Deno.execPath(), ["run", "-A", path("websocket.ts"), "deno"]),
];
if (await isInstalled("node")) {
  servers.push(await start("ws on Node", "node", [path("websocket_node.mjs"), import.meta.resolve("ws")]));
}
const rounds = flag("rounds", 5);
for (let round = 0; round <= rounds; round++) {
  for (const server of servers) await measure(server, flag("messages", 20_000));
  if (round === 0) { for (const { wall, cpu } of servers) wall.length = cpu.length = 0; // it warms up
   }
}
console.log("|                       | us/round trip | CPU us/message |");
console.log("| --------------------- | ------------: | -------------: |");
for (const { title, wall, cpu, child } of servers) {
  const figures = [median(wall).toFixed(1).padStart(13), median(cpu).toFixed(2).padStart(14)];
  console.log(`| ${title.padEnd(21)} | ${figures.join(" | ")} |`);
  child.kill("SIGKILL");
  await child.status;
}
Deno.exit(0);
