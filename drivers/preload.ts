/**
 * What a response says of the paths that its handler wants loaded with it (W3C Preload, RFC 8288).
 *
 * @module
 */

/**
 * The value of a `link` field that names some paths; `""` where the handler has named them all itself.
 *
 * @param paths what to load
 * @param fields of the response: names, each followed by its value
 */
export function preloadLinks(paths: readonly string[], fields: readonly string[]): string {
  const given = fields.filter((_, index) => fields[index - 1] === "link" && index % 2 === 1).join();
  const missing = [...new Set(paths)].filter((path) => !given.includes(`<${path}>`));
  return missing.map((path) => `<${path}>; rel=preload`).join(", ");
}
