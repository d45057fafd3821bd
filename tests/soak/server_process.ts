/**
 * The server's process, as the soak sees it.
 *
 * @module
 */

import { within } from "../support/deadline.ts";
import type { Sample, SoakCase } from "./case.ts";
import type { CertificateFiles } from "./certificate_files.ts";
import { Child } from "./child.ts";
import type { ServerFigures } from "./server_program.ts";

const START_DEADLINE = 30_000;
/** How long a server may take to answer a question when nothing is asked of it, in milliseconds. */
const QUIET_DEADLINE = 60_000;

/** A running server under attack. */
export class ServerProcess implements AsyncDisposable {
  readonly child: Child;
  readonly port: number;
  readonly tlsPort: number;

  private constructor(child: Child, { port, tlsPort }: { readonly port: number; readonly tlsPort: number }) {
    this.child = child;
    this.port = port;
    this.tlsPort = tlsPort;
  }

  /** Starts a server for a case. */
  static async start(
    { options = {}, descriptors }: SoakCase,
    certificate: CertificateFiles | null,
  ): Promise<ServerProcess> {
    const files = certificate === null ? [] : [certificate.certFile, certificate.keyFile];
    const flags = ["--v8-flags=--expose-gc"];
    const child = new Child("server_program.ts", {
      flags,
      args: [JSON.stringify(options), ...files],
      descriptors,
    });
    const ports = await within("the server's start", child.event("ready"), START_DEADLINE);
    return new ServerProcess(child, ports as { port: number; tlsPort: number });
  }

  /** Everything known of it now; with `collect` after a garbage collection. */
  async sample(collect = false, milliseconds = QUIET_DEADLINE): Promise<Sample> {
    const answer = this.child.ask(collect ? "collect" : "stats");
    const figures = await within("the side channel's answer", answer, milliseconds) as ServerFigures;
    return { ...figures, ...this.child.figures() };
  }

  /** Stops the server; resolves with the time that took, in milliseconds. */
  async stop(milliseconds: number): Promise<number> {
    return await within("the stop", this.child.ask(`stop ${milliseconds}`), milliseconds + 10_000) as number;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}
