/**
 * Keeps the event loop fair by limiting how long the connections of a server may work before others have a
 * turn.
 *
 * A read or a write of a socket that is ready settles without a turn of the event loop. A peer that always
 * has bytes ready could therefore keep the loop busy for seconds. In this time no connection would be
 * accepted, no timer would fire, and no other client would be read. So every loop that a peer feeds reports
 * its steps to {@link LoopTurns}, and waits when it gets a promise.
 *
 * Only a connection whose peer is ahead has to wait: one that reads or writes many bytes at once, or takes
 * many messages out of one read. A client that sends one request at a time never waits behind clients that
 * send thousands.
 *
 * @module
 */

/** How long the connections of a server may work before the event loop has to rest, in milliseconds. */
const LONGEST_SPELL = 8;

/** After this time without a step, in milliseconds, a server counts as having rested, unless one step took as long. */
const LONGEST_GAP = 20;

/**
 * How many large system calls the connections of a server may make before the loop has to rest. Deno
 * completes at most 128 calls in one turn of its loop, and calls of other connections have to be among them.
 */
const CALLS_PER_SPELL = 96;

/** From this many bytes on a call is large: the peer is ahead, and the bytes may cause much work. */
const LARGE_CALL = 4096;

/**
 * After steps of this weight a connection reads the clock. It does not after each step, because that costs 80
 * ns.
 */
const WEIGHT_PER_LOOK = 32;

/** The weight of a large call. */
const CALL_WEIGHT = 32;

/** The weight of a message that was taken out of a large read. */
const MESSAGE_WEIGHT = 8;

/** While handlers are quick, the clock is read after this many of them; while they are slow, after each. */
const HANDLERS_PER_LOOK = 8;

/** Handlers are slow if the time between two looks is longer than this, in milliseconds. */
const SLOW = 1;

/** The share of the event loop that all connections of one server have together. */
export class EventLoopShare {
  #startedAt = 0;
  #lookedAt = 0;
  #calls = 0;
  #rest: PromiseWithResolvers<null> | null = null;
  #timedAt = Infinity; // when the timer was set that tells how long a turn of the loop takes
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasEnded = false;
  #workedAt = 0;
  #isSlow = true; // until a look has shown that handlers are quick
  #isBehind = false;
  readonly #onRest = () => this.#endRest();
  readonly #onTimer = () => this.#endTurn();

  /** Settles when no connection waits for the loop to rest any more. */
  get rested(): Promise<null> | null {
    return this.#rest?.promise ?? null;
  }

  /** Whether a connection waits for the loop to rest. */
  get rests(): boolean {
    return this.#rest !== null;
  }

  /** Returns after how many handlers the clock has to be read. */
  get handlersPerLook(): number {
    return this.#isSlow || this.#rest !== null ? 1 : HANDLERS_PER_LOOK;
  }

  /**
   * Returns what to await after some handlers, or `null` when the connection may go on. It may always if the
   * handlers were quick and the peer is not ahead: little is left to do of what the peer has sent.
   */
  lookAtWork(isAhead: boolean): Promise<null> | null {
    const now = performance.now();
    this.#isSlow = now - this.#workedAt > SLOW;
    this.#workedAt = now;
    return this.#isSlow || isAhead || this.#rest !== null ? this.look(0) : null;
  }

  /** Returns what to await after a step of this weight, or `null` when the connection may go on. */
  look(weight: number): Promise<null> | null {
    const now = performance.now();
    if (now - this.#lookedAt > LONGEST_GAP && this.#wasAtRest) this.#begin(now);
    this.#lookedAt = now;
    if (weight >= CALL_WEIGHT) this.#calls++;
    if (now - this.#startedAt <= LONGEST_SPELL && this.#calls <= CALLS_PER_SPELL) {
      this.#timeTurn(now);
      return null;
    }
    if (this.#rest === null) this.#beginRest();
    return this.#rest!.promise;
  }

  #begin(now: number): void {
    this.#startedAt = now;
    this.#calls = 0;
    this.#isBehind = false;
  }

  // Much time passes between two looks where nobody has anything to do, and where a single step, such as a
  // slow handler of pipelined requests, takes as long. A timer fires in time in the first case only.
  get #wasAtRest(): boolean {
    return this.#timedAt === Infinity && !this.#isBehind;
  }

  #timeTurn(now: number): void {
    if (this.#timedAt !== Infinity || this.#hasEnded) return;
    this.#timedAt = now;
    this.#timer = setTimeout(this.#onTimer, 0);
  }

  /** Leaves no timer behind: the server has stopped. */
  end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
  }

  #endTurn(): void {
    if (performance.now() - this.#timedAt > LONGEST_SPELL) this.#isBehind = true;
    this.#timedAt = Infinity;
  }

  // Uses a timer that is not yet due, because only a loop that has nothing to do polls the system for I/O at
  // once. With an immediate, or a timer that is due, the loop would poll only in one of 61 turns.
  #beginRest(): void {
    this.#rest = Promise.withResolvers();
    setTimeout(this.#onRest, 0);
  }

  #endRest(): void {
    const rest = this.#rest!;
    this.#rest = null;
    this.#lookedAt = performance.now();
    this.#begin(this.#lookedAt);
    this.#timeTurn(this.#lookedAt);
    rest.resolve(null);
  }
}

/**
 * The steps of one connection. Each call reports a step. It returns `null` when the connection may go on, or
 * a promise that the connection has to await first. Waiting connections go on in the order in which they
 * came.
 */
export class LoopTurns {
  readonly #share: EventLoopShare;
  #weight = 0;
  #messageWeight = 1;
  #handlers = 0;

  /**
   * Begins to count for one connection.
   *
   * @param share of the server that the connection belongs to
   */
  constructor(share: EventLoopShare) {
    this.#share = share;
  }

  /** Reports that `count` bytes were read. They must not be parsed before the promise has settled. */
  onRead(count: number): Promise<null> | null {
    if (count < LARGE_CALL) { // the peer is not ahead, because everything it has sent was read
      this.#weight = 0;
      this.#messageWeight = 1;
      return null;
    }
    this.#messageWeight = MESSAGE_WEIGHT;
    return this.#add(CALL_WEIGHT);
  }

  /** Reports that `count` bytes are written next, or were just written. */
  onWrite(count: number): Promise<null> | null {
    return count < LARGE_CALL ? null : this.#add(CALL_WEIGHT);
  }

  /** Reports that a message or a frame was taken out of bytes that hold more, or a chunk out of a stream. */
  onMessage(): Promise<null> | null {
    return this.#add(this.#messageWeight);
  }

  /** Reports work that may have taken long, such as a handler. */
  onWork(): Promise<null> | null {
    if (++this.#handlers < this.#share.handlersPerLook) return null;
    this.#handlers = this.#weight = 0;
    return this.#share.lookAtWork(this.#messageWeight === MESSAGE_WEIGHT);
  }

  #add(weight: number): Promise<null> | null {
    this.#weight += weight;
    if (this.#weight < WEIGHT_PER_LOOK && !this.#share.rests) return null;
    this.#weight = 0;
    return this.#share.look(weight);
  }
}
