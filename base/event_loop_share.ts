/**
 * Keeps the event loop fair: how long the connections of a server may work before everybody else has a turn.
 *
 * A read or a write of a socket that is ready settles without a turn of the event loop. A peer whose bytes are always there
 * could therefore keep the loop for seconds: no connection would be accepted, no timer would fire, no other client be read.
 * So every loop that a peer feeds reports its steps to {@link LoopTurns}, and waits where it is given a promise.
 *
 * Only a connection whose peer is ahead of it has to wait: one that reads, or writes, many bytes at once, or takes many
 * messages out of one read. A client with one request at a time never waits behind those that send thousands.
 *
 * @module
 */

/** How long the connections of a server may work before the event loop has to rest, in milliseconds. */
const LONGEST_SPELL = 8;

/** A server whose connections took no large step for so long was at rest, in milliseconds. */
const LONGEST_GAP = 20;

/**
 * How many large calls of the system the connections of a server may make in a spell. Deno completes at most 128 calls in one
 * turn of its loop, and those of other connections have to be among them.
 */
const CALLS_PER_SPELL = 96;

/** A call that moves bytes from this number on is large: the peer is ahead, and the bytes may hold much to do. */
const LARGE_CALL = 4096;

/** Looking at the clock costs 80 ns: a connection looks at it after steps of this weight. */
const WEIGHT_PER_LOOK = 32;

/** The weight of a large call. */
const CALL_WEIGHT = 32;

/** The weight of a message out of a large read. */
const MESSAGE_WEIGHT = 8;

/** The event loop as the connections of one server share it. */
export class EventLoopShare {
  #startedAt = 0;
  #lookedAt = 0;
  #calls = 0;
  #rest: PromiseWithResolvers<null> | null = null;
  readonly #onRest = () => this.#endRest();

  /** Whether some connection waits for the loop to rest. */
  get rests(): boolean {
    return this.#rest !== null;
  }

  /** What a connection has to wait for after a step of some weight, or `null` when it may go on. */
  look(weight: number): Promise<null> | null {
    const now = performance.now();
    if (now - this.#lookedAt > LONGEST_GAP) this.#begin(now);
    this.#lookedAt = now;
    if (weight >= CALL_WEIGHT) this.#calls++;
    if (now - this.#startedAt <= LONGEST_SPELL && this.#calls <= CALLS_PER_SPELL) return null;
    if (this.#rest === null) this.#beginRest();
    return this.#rest!.promise;
  }

  #begin(now: number): void {
    this.#startedAt = now;
    this.#calls = 0;
  }

  // A timer, and one that is not due: only a loop with nothing to do asks the system at once what has arrived. An immediate, or a
  // timer that is due already, would let it do so in one of 61 turns.
  #beginRest(): void {
    this.#rest = Promise.withResolvers();
    setTimeout(this.#onRest, 0);
  }

  #endRest(): void {
    const rest = this.#rest!;
    this.#rest = null;
    this.#lookedAt = performance.now();
    this.#begin(this.#lookedAt);
    rest.resolve(null);
  }
}

/**
 * The steps that one connection takes in the turns of the event loop. Each call reports one, and gives `null` when the
 * connection may go on; or a promise, after which it may. All that wait go on in the order in which they came.
 */
export class LoopTurns {
  readonly #share: EventLoopShare;
  #weight = 0;
  #messageWeight = 1;

  /** Begins to count for one connection of the server that `share` is of. */
  constructor(share: EventLoopShare) {
    this.#share = share;
  }

  /** So many bytes were read; what they hold is not looked at before the promise has settled. */
  onRead(count: number): Promise<null> | null {
    if (count < LARGE_CALL) { // all that the peer has sent was read: it is not ahead
      this.#weight = 0;
      this.#messageWeight = 1;
      return null;
    }
    this.#messageWeight = MESSAGE_WEIGHT;
    return this.#add(CALL_WEIGHT);
  }

  /** So many bytes are written next, or were written just now. */
  onWrite(count: number): Promise<null> | null {
    return count < LARGE_CALL ? null : this.#add(CALL_WEIGHT);
  }

  /** A message or a frame was taken out of bytes that hold more, or a chunk out of a stream. */
  onMessage(): Promise<null> | null {
    return this.#add(this.#messageWeight);
  }

  /** Something was done that may have taken long, as a handler of the user's; the clock is looked at each time. */
  onWork(): Promise<null> | null {
    this.#weight = 0;
    return this.#share.look(0);
  }

  #add(weight: number): Promise<null> | null {
    this.#weight += weight;
    if (this.#weight < WEIGHT_PER_LOOK && !this.#share.rests) return null;
    this.#weight = 0;
    return this.#share.look(weight);
  }
}
