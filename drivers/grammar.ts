/**
 * The character classes of RFC 9110 §5 and RFC 3986 as lookup tables over bytes, so that a line is validated in one pass.
 *
 * @module
 */

/** Bytes that have a meaning of their own. */
export const Byte = {
  HTAB: 0x09,
  LF: 0x0a,
  CR: 0x0d,
  SP: 0x20,
  DQUOTE: 0x22,
  COLON: 0x3a,
  SEMICOLON: 0x3b,
  EQUALS: 0x3d,
  BACKSLASH: 0x5c,
} as const;

// tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA
// (RFC 9110 §5.6.2)
/** `1` for each byte that may stand in a token. */
export const TCHAR: Uint8Array = tableOf("!#$%&'*+-.^_`|~", alphanumeric);

// field-content without CTL: HTAB / SP / VCHAR / obs-text (RFC 9110 §5.5). The RFC lets a recipient keep other control
// characters; refusing them leaves nothing for the next program in line to misread.
/** `1` for each byte that may stand in a field value. */
export const FIELD_BYTE: Uint8Array = tableOf("\t ", (byte) => (byte > 0x20 && byte < 0x7f) || byte > 0x7f);

// The characters of RFC 3986, and those that browsers, curl and scripts send unencoded: " [ \ ] ^ ` { | }. A
// URL encodes each of them in one way or leaves it as it is (WHATWG URL §1.3), but for "\" in a path, which
// `checkPath` refuses. Not among them: CTL, SP, DEL, non-ASCII, "#" (a fragment is never sent), "<" and ">".
/** `1` for each byte that may stand in a request target. */
export const TARGET_BYTE: Uint8Array = tableOf(
  "",
  (byte) => byte > 0x20 && byte < 0x7f && !"#<>".includes(String.fromCharCode(byte)),
);

// qdtext = HTAB / SP / %x21 / %x23-5B / %x5D-7E / obs-text (RFC 9110 §5.6.4)
/** `1` for each byte that may stand in a quoted string as it is. */
export const QDTEXT: Uint8Array = tableOf(
  "",
  (byte) => FIELD_BYTE[byte] === 1 && byte !== Byte.DQUOTE && byte !== Byte.BACKSLASH,
);

const NOT_HEX = 0xff;

/** The value of each hexadecimal digit, or 255 for every other byte. */
export const HEX_VALUE: Uint8Array = hexValues();

/** Whether a byte is no hexadecimal digit, by its value in {@link HEX_VALUE}. */
export function isNotHex(value: number): boolean {
  return value === NOT_HEX;
}

function tableOf(characters: string, also: (byte: number) => boolean): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    table[byte] = also(byte) || characters.includes(String.fromCharCode(byte)) ? 1 : 0;
  }
  return table;
}

function alphanumeric(byte: number): boolean {
  const lower = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (byte < 0x80 && lower >= 0x61 && lower <= 0x7a);
}

function hexValues(): Uint8Array {
  const table = new Uint8Array(256).fill(NOT_HEX);
  for (let digit = 0; digit < 16; digit++) {
    const character = digit.toString(16);
    table[character.charCodeAt(0)] = digit;
    table[character.toUpperCase().charCodeAt(0)] = digit;
  }
  return table;
}
