/** `/text`: a text in the content coding that the client likes best. */
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { HttpError } from "../../mod.ts";
import type { Call } from "./call.ts";
import { negotiateCoding } from "./content_coding.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const SIZE = 64 * 1024;
const WORDS = ("the drover led his cattle over a long road and through the hills to market where every " +
  "head was counted before night while dogs ran beside them in dust or rain until they came home")
  .split(" ");

/** In the order of our liking, for a client that likes several equally. */
const CODERS: Readonly<Record<string, (bytes: Bytes) => Uint8Array>> = {
  ...(typeof zstdCompressSync === "function" ? { zstd: (bytes) => zstdCompressSync(bytes) } : {}),
  br: (bytes) => brotliCompressSync(bytes),
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
};

const forms = new Map<string, Bytes>([["identity", english(SIZE)]]);

/** 64 KiB of English-like text. A range is taken of the text itself, so it is not compressed for a client that asks for one. */
export function text({ request, testbed }: Call): Response {
  const type = { "content-type": "text/plain; charset=utf-8" };
  if (!testbed.compress) return new Response(form("identity"), { headers: type });
  const vary = { vary: "accept-encoding" };
  const wanted = request.headers.get("accept-encoding");
  const coding = request.headers.has("range") ? "identity" : negotiateCoding(wanted, Object.keys(CODERS));
  if (coding === null) throw new HttpError(406, "No acceptable content coding", { headers: vary });
  const coded = coding === "identity" ? {} : { "content-encoding": coding };
  return new Response(form(coding), { headers: { ...type, ...vary, ...coded } });
}

/** The text in a coding, made once. */
function form(coding: string): Bytes {
  const known = forms.get(coding);
  if (known !== undefined) return known;
  const coder = CODERS[coding];
  if (coder === undefined) throw new TypeError(`No coder for ${coding}`);
  const made = new Uint8Array(coder(form("identity")));
  forms.set(coding, made);
  return made;
}

/** Sentences of a few words each, the same in every process. */
function english(size: number): Bytes {
  let seed = 42;
  function random(below: number): number {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 0x1_0000_0000 * below);
  }
  let text = "";
  while (text.length < size) {
    const words = Array.from({ length: 5 + random(12) }, () => WORDS[random(WORDS.length)]);
    const sentence = words.join(" ");
    text += `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.${random(5) === 0 ? "\n" : " "}`;
  }
  return new TextEncoder().encode(text.slice(0, size));
}
