/**
 * One connection of an attacker: TCP or TLS, which counts how the server ended it.
 *
 * @module
 */

import { isReset } from "../../attacks/raw_connection.ts";
import type { Attack } from "../attack.ts";

/** A connection to the server under attack. */
export class Peer {
  readonly attack: Attack;
  readonly #connection: Deno.Conn;
  #over = false;
  #left = false;
  #reading = false;
  #refused = false;

  private constructor(attack: Attack, connection: Deno.Conn) {
    this.attack = attack;
    this.#connection = connection;
  }

  /** Connects; counts and gives `null` where the server does not let it. */
  static async open(attack: Attack, protocols: readonly string[] = ["http/1.1"]): Promise<Peer | null> {
    const { port } = attack;
    const hostname = "127.0.0.1";
    try {
      if (!attack.tls) {
        const connection = await Deno.connect({ hostname, port });
        connection.setNoDelay(true);
        return new Peer(attack, connection);
      }
      const caCerts = attack.authority === null ? [] : [attack.authority];
      const connection = await Deno.connectTls({ hostname, port, caCerts, alpnProtocols: [...protocols] });
      await connection.handshake();
      return new Peer(attack, connection);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      attack.count(`connect: ${error.name}`);
      return null;
    }
  }

  /** Whether the server, or this side, has ended it, or the server takes nothing more. */
  get isOver(): boolean {
    return this.#over || this.#refused;
  }

  /** Writes all: `false` once the server takes nothing more. */
  async write(bytes: Uint8Array): Promise<boolean> {
    try {
      for (let at = 0; at < bytes.length && !this.isOver;) {
        at += await this.#connection.write(bytes.subarray(at));
      }
    } catch (error) {
      this.#refused = true;
      if (!this.#reading) this.#end(error); // else the reader has what the server said last, and then the end
    }
    return !this.isOver;
  }

  /** Reads into the buffer: the number of bytes, or `null` at the end, which is counted as `closed` or `reset`. */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#over) return null;
    this.#reading = true;
    try {
      const count = await this.#connection.read(buffer);
      if (count === null) this.#end(null);
      return count;
    } catch (error) {
      this.#end(error);
      return null;
    } finally {
      this.#reading = false;
    }
  }

  /** Reads and drops all until the end. */
  async drain(size = 65_536): Promise<number> {
    const buffer = new Uint8Array(size);
    let bytes = 0;
    for (;;) {
      const count = await this.read(buffer);
      if (count === null) return bytes;
      bytes += count;
    }
  }

  /** Ends this side only. */
  async endWriting(): Promise<void> {
    try {
      if ("closeWrite" in this.#connection) await this.#connection.closeWrite();
    } catch (error) {
      this.#end(error);
    }
  }

  /** Leaves: what the server then does is not counted. */
  leave(): void {
    this.#left = this.#over = true;
    this.#connection[Symbol.dispose]();
  }

  #end(error: unknown): void {
    if (error !== null && !isReset(error) && !(error instanceof Deno.errors.UnexpectedEof)) throw error;
    if (!this.#over && !this.#left) this.attack.count(error === null ? "closed" : "reset");
    this.#over = true;
    this.#connection[Symbol.dispose]();
  }
}
