/**
 * A plain parser of dictionaries of structured fields (RFC 8941 §4.2.2), to judge another by.
 *
 * @module
 */

/** What is wrong with a field. */
class Malformed extends Error {}

/** A bare item; a token is a text behind a backslash, and a decimal one with a point in it. */
type Bare = number | string | boolean;

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  dictionary(): Map<string, Bare | null> {
    const members = new Map<string, Bare | null>();
    this.#skip(" ");
    while (this.#at < this.#text.length) {
      const [key, value] = this.#member();
      members.delete(key);
      members.set(key, value);
      this.#skip(" \t");
      if (this.#at === this.#text.length) return members;
      this.#expect(",");
      this.#skip(" \t");
      if (this.#at === this.#text.length) throw new Malformed("a trailing comma");
    }
    return members;
  }

  #member(): readonly [string, Bare | null] {
    const key = this.#key();
    let value: Bare | null = true;
    if (this.#take("=")) value = this.#peek() === "(" ? this.#innerList() : this.#bare();
    this.#parameters();
    return [key, value];
  }

  #innerList(): null {
    this.#expect("(");
    for (;;) {
      this.#skip(" ");
      if (this.#take(")")) return null;
      this.#bare();
      this.#parameters();
      if (this.#peek() !== " " && this.#peek() !== ")") throw new Malformed("no space in a list");
    }
  }

  #parameters(): void {
    while (this.#take(";")) {
      this.#skip(" ");
      this.#key();
      if (this.#take("=")) this.#bare();
    }
  }

  #key(): string {
    return this.#match(/[a-z*][a-z0-9_.*-]*/y);
  }

  #bare(): Bare {
    const first = this.#peek();
    if (first === '"') return this.#match(/"(?:[ !#-[\]-~]|\\["\\])*"/y);
    if (first === ":") return this.#match(/:[A-Za-z0-9+/=]*:/y);
    if (first === "?") return this.#match(/\?[01]/y) === "?1";
    if (/[A-Za-z*]/.test(first)) return `\\${this.#match(/[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/y)}`;
    return this.#number();
  }

  #number(): Bare {
    const text = this.#match(/-?[0-9]+(?:\.[0-9]*)?/y);
    const [whole = "", fraction] = text.replace("-", "").split(".");
    const fits = fraction === undefined
      ? whole.length <= 15
      : whole.length <= 12 && /^[0-9]{1,3}$/.test(fraction);
    if (!fits) throw new Malformed("a number that is too long");
    return fraction === undefined ? Number(text) : text;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) throw new Malformed(`at ${this.#at}`);
    this.#at = pattern.lastIndex;
    return match[0];
  }

  #peek(): string {
    return this.#text[this.#at] ?? "";
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw new Malformed(`no ${character}`);
  }

  #skip(characters: string): void {
    while (this.#at < this.#text.length && characters.includes(this.#peek())) this.#at++;
  }
}

/** The members of a dictionary, `null` in place of an inner list; `null` for what is none. */
export function parseDictionary(text: string): Map<string, Bare | null> | null {
  try {
    return new Parser(text).dictionary();
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}
