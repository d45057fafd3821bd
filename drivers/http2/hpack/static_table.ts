/**
 * The static table (RFC 7541 appendix A).
 *
 * @module
 */

import { HeaderField } from "./header_field.ts";

// deno-fmt-ignore
const ENTRIES: readonly string[] = [
  ":authority", "", ":method", "GET", ":method", "POST", ":path", "/", ":path", "/index.html", ":scheme", "http",
  ":scheme", "https", ":status", "200", ":status", "204", ":status", "206", ":status", "304", ":status", "400",
  ":status", "404", ":status", "500", "accept-charset", "", "accept-encoding", "gzip, deflate", "accept-language", "",
  "accept-ranges", "", "accept", "", "access-control-allow-origin", "", "age", "", "allow", "", "authorization", "",
  "cache-control", "", "content-disposition", "", "content-encoding", "", "content-language", "", "content-length", "",
  "content-location", "", "content-range", "", "content-type", "", "cookie", "", "date", "", "etag", "", "expect", "",
  "expires", "", "from", "", "host", "", "if-match", "", "if-modified-since", "", "if-none-match", "", "if-range", "",
  "if-unmodified-since", "", "last-modified", "", "link", "", "location", "", "max-forwards", "",
  "proxy-authenticate", "", "proxy-authorization", "", "range", "", "referer", "", "refresh", "", "retry-after", "",
  "server", "", "set-cookie", "", "strict-transport-security", "", "transfer-encoding", "", "user-agent", "",
  "vary", "", "via", "", "www-authenticate", "",
];

/** How many entries it has: indices from 1 to this. */
export const STATIC_TABLE_LENGTH = 61;

/** The entries by their index; the first is at 1. */
export const STATIC_TABLE: readonly (HeaderField | undefined)[] = [
  undefined,
  ...Array.from(
    { length: STATIC_TABLE_LENGTH },
    (_, index) => new HeaderField(ENTRIES[2 * index]!, ENTRIES[2 * index + 1]!),
  ),
];

/** The lowest index of each name. */
export const STATIC_NAMES: ReadonlyMap<string, number> = indexNames();

/** The indices of the names that have an entry with a value, by name and value. */
export const STATIC_FIELDS: ReadonlyMap<string, ReadonlyMap<string, number>> = indexFields();

function indexNames(): Map<string, number> {
  const names = new Map<string, number>();
  for (let index = STATIC_TABLE_LENGTH; index > 0; index--) names.set(STATIC_TABLE[index]!.name, index);
  return names;
}

function indexFields(): Map<string, Map<string, number>> {
  const fields = new Map<string, Map<string, number>>();
  for (let index = 1; index <= STATIC_TABLE_LENGTH; index++) {
    const { name, value } = STATIC_TABLE[index]!;
    if (value === "") continue;
    if (!fields.has(name)) fields.set(name, new Map());
    fields.get(name)!.set(value, index);
  }
  return fields;
}
