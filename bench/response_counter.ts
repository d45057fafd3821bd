/** Counts the HTTP/1.1 responses in a stream of bytes. It trusts the server: for measuring only. */

const CR = 0x0d;
const LF = 0x0a;

/** What comes next: a line of a head, a chunk's size, bytes to skip, or a line of a trailer section. */
type State = "head" | "size" | "payload" | "chunk" | "trailers";

/** Counts complete responses, and those whose status is no success. */
export class ResponseCounter {
  /** Responses received in full. */
  complete = 0;
  /** Responses of another status than 2xx and 3xx, and those that were cut off. */
  failed = 0;
  #state: State = "head";
  #line = "";
  #length = 0;
  #chunked = false;
  #begun = false;
  #skip = 0;

  /** Takes the next bytes of a connection. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
        if (this.#skip === 0) this.#skippedAll();
        continue;
      }
      const end = bytes.indexOf(LF, at);
      this.#line += latin1(bytes.subarray(at, end < 0 ? undefined : end));
      if (end < 0) return;
      at = end + 1;
      const line = this.#line;
      this.#line = "";
      this.#onLine(line);
    }
  }

  /** The connection has ended; another one follows. */
  reset(): void {
    const between = this.#state === "head" && this.#line === "" && !this.#begun;
    if (!between) this.failed += 1;
    this.#line = "";
    this.#skip = 0;
    this.#startHead();
  }

  #onLine(line: string): void {
    if (this.#state === "size") return this.#onSize(line);
    if (this.#state === "trailers") return line === "" ? this.#onComplete() : undefined;
    if (line !== "") return this.#onHeadLine(line);
    this.#state = this.#chunked ? "size" : "payload";
    this.#skip = this.#length;
    if (!this.#chunked && this.#length === 0) this.#onComplete();
  }

  #onHeadLine(line: string): void {
    this.#begun = true;
    const status = /^HTTP\/1\.1 ([0-9])/.exec(line)?.[1];
    if (status !== undefined && status !== "2" && status !== "3") this.failed += 1;
    const length = /^content-length: *([0-9]+)$/i.exec(line)?.[1];
    if (length !== undefined) this.#length = Number(length);
    if (/^transfer-encoding: *chunked$/i.test(line)) this.#chunked = true;
  }

  #onSize(line: string): void {
    const size = parseInt(line, 16);
    this.#state = size === 0 ? "trailers" : "chunk";
    this.#skip = size === 0 ? 0 : size + 2;
  }

  #skippedAll(): void {
    if (this.#state === "chunk") this.#state = "size";
    else this.#onComplete();
  }

  #onComplete(): void {
    this.complete += 1;
    this.#startHead();
  }

  #startHead(): void {
    this.#state = "head";
    this.#begun = false;
    this.#length = 0;
    this.#chunked = false;
  }
}

function latin1(bytes: Uint8Array): string {
  const end = bytes.at(-1) === CR ? bytes.length - 1 : bytes.length;
  return String.fromCharCode(...bytes.subarray(0, end));
}
