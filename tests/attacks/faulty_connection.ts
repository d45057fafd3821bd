/**
 * A connection that misbehaves on purpose, around one in memory.
 *
 * @module
 */

import type { Connection } from "../../mod.ts";

/** What goes wrong; a member that is absent lets the call through. */
export interface Faults {
  /** Stands in for the write of that number, counted from 0. */
  readonly write?: (index: number, data: Uint8Array, inner: Connection) => Promise<number>;
  /** Stands in for the read of that number, counted from 0. */
  readonly read?: (index: number, buffer: Uint8Array, inner: Connection) => Promise<number | null>;
  /** Stands in for the address of the peer. */
  readonly remoteAddr?: () => Deno.Addr;
}

/** Passes everything on to another connection, unless a fault says otherwise. */
export class FaultyConnection implements Connection {
  readonly #inner: Connection;
  readonly #faults: Faults;
  /** How many writes were begun. */
  writes = 0;
  /** How many reads were begun. */
  reads = 0;

  constructor(inner: Connection, faults: Faults) {
    this.#inner = inner;
    this.#faults = faults;
  }

  get localAddr(): Deno.Addr {
    return this.#inner.localAddr;
  }

  get remoteAddr(): Deno.Addr {
    return this.#faults.remoteAddr?.() ?? this.#inner.remoteAddr;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const index = this.reads++;
    return this.#faults.read?.(index, buffer, this.#inner) ?? this.#inner.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    const index = this.writes++;
    return this.#faults.write?.(index, data, this.#inner) ?? this.#inner.write(data);
  }

  close(): void {
    this.#inner.close();
  }

  async closeWrite(): Promise<void> {
    await this.#inner.closeWrite?.();
  }
}

/** Runs `test` while `Deno.listen` gives `listener`, whatever it is asked for. */
export async function withListener(listener: object, test: () => Promise<void>): Promise<void> {
  const real = Deno.listen;
  Reflect.set(Deno, "listen", () => listener);
  try {
    await test();
  } finally {
    Reflect.set(Deno, "listen", real);
  }
}

/** What `accept()` fails with where the process has no descriptor left. */
export function exhausted(): Error {
  return Object.assign(new Error("Too many open files (os error 24)"), { code: "EMFILE" });
}

/** A listener whose `accept()` gives, or throws, what it was told to, in order, and then waits until it is closed. */
export class ScriptedListener {
  readonly addr: Deno.Addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  readonly #script: (Connection | Error)[];
  readonly #closed = Promise.withResolvers<never>();
  /** How often `accept()` was called. */
  calls = 0;

  constructor(script: readonly (Connection | Error)[]) {
    this.#script = [...script];
    this.#closed.promise.catch((error) => error);
  }

  async accept(): Promise<Connection> {
    this.calls++;
    const next = this.#script.shift();
    if (next instanceof Error) throw next;
    return next ?? await this.#closed.promise;
  }

  close(): void {
    this.#closed.reject(new Deno.errors.BadResource("Listener has been closed"));
  }

  ref(): void {}

  unref(): void {}
}
