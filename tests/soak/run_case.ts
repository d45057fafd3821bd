/**
 * Runs one case: a server, a normal client and an attacker, each in a process of its own.
 *
 * @module
 */

import { pass, within } from "../support/deadline.ts";
import type { Answers, AttackInit } from "./attack.ts";
import type { ClientWindow, Outcome, Sample, SoakCase } from "./case.ts";
import { Child } from "./child.ts";
import type { CertificateFiles } from "./certificate_files.ts";
import { ServerProcess } from "./server_process.ts";
import { Watch } from "./watch.ts";

/** How long the phases of a case take, in milliseconds; and what a machine may do to them. */
export interface Pace {
  /** The attack. */
  readonly attack: number;
  /** The normal client before it, and after it, each. */
  readonly quiet: number;
  /** The normal client beside programs that burn CPU; 0 for no such control. */
  readonly control: number;
  /** The longest time until nothing of the attack is left. */
  readonly settle: number;
}

/** What all cases share. */
export interface Setting {
  readonly pace: Pace;
  readonly certificate: CertificateFiles | null;
  readonly seed: number;
}

/** How long an attack may take over its time, in milliseconds. */
const ATTACK_GRACE = 40_000;
/** Memory that was freed, and heap that was used for the first time, in MiB: less than this is no leak. */
const HEAP_SLACK = 6;
/** How long a stop may take, in milliseconds. */
const STOP_TIME = 3_000;

/** Runs a case to its end. Rejects only when the soak itself fails, or the server's process ends. */
export async function runCase(soakCase: SoakCase, setting: Setting): Promise<Outcome> {
  await using server = await ServerProcess.start(soakCase, setting.certificate);
  const target = soakCase.target ?? "/";
  await using client = new Child("client_program.ts", { args: [String(server.port), target] });
  await within("the client's start", client.event("ready"), 30_000);
  return await new Run(soakCase, setting, { server, client }).run();
}

class Run {
  readonly #case: SoakCase;
  readonly #setting: Setting;
  readonly #server: ServerProcess;
  readonly #client: Child;
  readonly #watch: Watch;
  #held: Sample | null = null;
  #peers = 0;
  #stopped: number | null = null;

  constructor(
    soakCase: SoakCase,
    setting: Setting,
    { server, client }: { readonly server: ServerProcess; readonly client: Child },
  ) {
    this.#case = soakCase;
    this.#setting = setting;
    this.#server = server;
    this.#client = client;
    this.#watch = new Watch(server);
  }

  async run(): Promise<Outcome> {
    const { quiet, control: burning } = this.#setting.pace;
    await pass(quiet); // the first requests of a process are slow
    await this.#window(0);
    const before = await this.#window(quiet);
    const control = burning === 0 ? before : await this.#beside(burning);
    const base = await this.#server.sample(true);
    await this.#window(0);
    const attack = await this.#attack();
    const after = this.#stopped === null ? await this.#window(quiet) : attack.during;
    await this.#client.ask("pause");
    const { rest, settled } = await this.#settle(base);
    await this.#watch.end();
    const { stuck, silent, peak } = this.#watch;
    return {
      name: this.#case.name,
      ...attack,
      ...{ before, control, after, base, rest, settled, stuck, silent, peak },
      held: this.#held,
      peers: this.#peers,
      stopped: this.#stopped,
    };
  }

  /** The normal client for so long. */
  async #window(milliseconds: number): Promise<ClientWindow> {
    await pass(milliseconds);
    return await this.#client.ask("window") as ClientWindow;
  }

  /** The normal client beside programs that do nothing but burn CPU: one for the attacker, one for what it makes others do. */
  async #beside(milliseconds: number): Promise<ClientWindow> {
    const burners = [1, 2].map(() => new Child("burner_program.ts", { args: [String(milliseconds + 50)] }));
    try {
      await Promise.all(burners.map((burner) => burner.event("ready")));
      await this.#window(0);
      return await this.#window(milliseconds);
    } finally {
      for (const burner of burners) await burner[Symbol.asyncDispose]();
    }
  }

  async #attack(): Promise<Pick<Outcome, "during" | "answers" | "cpu" | "seconds" | "lastClients">> {
    await using attacker = new Child("attack_program.ts", {
      args: [this.#case.attack, JSON.stringify(this.#describe())],
    });
    const start = performance.now();
    const cpuBefore = this.#server.child.figures().cpu;
    const watched = this.#onBuilt(attacker);
    const done = within("the end of the attack", attacker.event("done"), this.#milliseconds + ATTACK_GRACE);
    if (this.#case.stops) await this.#stopAmid();
    const answers = await done as Record<string, Answers>;
    const { lastClients } = this.#watch;
    const during = await this.#window(0);
    const seconds = (performance.now() - start) / 1000;
    const serverCpu = this.#server.child.figures().cpu - cpuBefore;
    const attackerCpu = attacker.cpu;
    await watched;
    return {
      ...{ during, answers, seconds, lastClients },
      cpu: { server: serverCpu / 1000 / seconds, attacker: attackerCpu / 1000 / seconds },
    };
  }

  get #milliseconds(): number {
    return Math.max(this.#setting.pace.attack, (this.#case.leastSeconds ?? 0) * 1000);
  }

  #describe(): AttackInit {
    const { port, tlsPort } = this.#server;
    return {
      ...{ port, tlsPort },
      tls: this.#case.tls ?? false,
      authority: this.#setting.certificate?.authority ?? null,
      seconds: this.#milliseconds / 1000,
      scale: this.#case.scale,
      seed: this.#setting.seed,
    };
  }

  /** Looks at the server when the attacker holds all that it wants to hold. */
  async #onBuilt(attacker: Child): Promise<void> {
    try {
      this.#peers = await attacker.event("built") as number;
      await this.#client.ask("ignore"); // collecting garbage keeps the event loop
      this.#held = await this.#server.sample(true);
      await this.#client.ask("heed");
      this.#watch.see(this.#held);
      await attacker.ask("looked");
    } catch (error) {
      if (!(error instanceof Error)) throw error; // most attacks hold nothing: they end without the event
    }
  }

  async #stopAmid(): Promise<void> {
    await pass(this.#milliseconds / 2);
    this.#stopped = await this.#server.stop(STOP_TIME);
  }

  /** Waits until nothing of the attack is left, but not for ever. */
  async #settle(base: Sample): Promise<{ readonly rest: Sample; readonly settled: number }> {
    const start = performance.now();
    const patience = this.#case.outlasts === undefined ? this.#setting.pace.settle : 0;
    for (;;) {
      const sample = await this.#server.sample();
      const took = performance.now() - start;
      if (leftOver(sample, base).length === 0 || took > patience) {
        await this.#server.sample(true, 120_000);
        await this.#clear();
        const rest = await this.#server.sample(true);
        return { rest, settled: leftOver(rest, base).length === 0 ? took : Infinity };
      }
      await pass(50);
    }
  }

  async #clear(): Promise<void> {
    await this.#server.child.ask("clear");
  }
}

/** What is still there that was not there before the attack, in words. */
export function leftOver({ stats, gauges, descriptors }: Sample, base: Sample): string[] {
  const { clients, pendingRequests, pendingResponses, runningHandlers, waitingHandlers } = stats;
  const { waiting, streams, upstreams, sockets, tunnels } = gauges;
  const counters = {
    ...{ clients, pendingRequests, pendingResponses, runningHandlers, waitingHandlers },
    ...{ waiting, streams, upstreams, sockets, tunnels },
    descriptors: Math.max(0, descriptors - base.descriptors),
  };
  return Object.entries(counters).filter(([, count]) => count > 0).map(([name, count]) => `${count} ${name}`);
}

/** MiB of heap and other memory of JavaScript that a server has more than before; 0 for what is no leak. */
export function heapGrowth(rest: Sample, base: Sample): number {
  const growth = rest.heap + rest.external - base.heap - base.external;
  return growth > HEAP_SLACK ? growth : 0;
}
