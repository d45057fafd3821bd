/** Proactive negotiation of a content coding (RFC 9110 §12.5.3). */

// Accept-Encoding = #( codings [ weight ] ), weight = OWS ";" OWS "q=" qvalue (RFC 9110 §12.4.2, §12.5.3)
const MEMBER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?$/;

/**
 * The coding that the client gives the highest weight, `"identity"` where it likes none better, or `null` when it
 * accepts neither any of `codings` nor the bytes as they are. Between equal weights the order of `codings` decides, with
 * `identity` last. Members that are no valid `codings [ weight ]` are left out.
 */
export function negotiateCoding(field: string | null, codings: readonly string[]): string | null {
  if (field === null) return "identity"; // "any content coding is considered acceptable": the plain one always works
  const weights = parseWeights(field);
  const others = weights.get("*");
  let best = "identity";
  let bestWeight = weights.get("identity") ?? (others === 0 ? 0 : -1); // not named: the last resort
  for (const coding of codings) {
    const weight = weights.get(coding) ?? others ?? 0;
    const better = best === "identity" ? weight >= bestWeight : weight > bestWeight;
    if (weight > 0 && better) [best, bestWeight] = [coding, weight];
  }
  return bestWeight === 0 ? null : best;
}

function parseWeights(field: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const member of field.split(",")) {
    const match = MEMBER.exec(member.trim());
    if (match === null) continue;
    const coding = (match[1] ?? "").toLowerCase();
    // "x-gzip" is the same as "gzip" (RFC 9110 §8.4.1.3)
    weights.set(
      coding === "x-gzip" ? "gzip" : coding,
      match[2] === undefined ? 1 : Number(match[2]),
    );
  }
  return weights;
}
