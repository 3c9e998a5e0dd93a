// What two names are compared by, as in shared/offer_ranking/catalog/value.py: how letters are written, their case,
// inner space and invisible marks make no difference.

/** Folding can undo normal form and the reverse, so the pair is applied twice. */
export function folded(text) {
  if (PLAIN.test(text)) return spaced(text.toLowerCase()); // nearly always, and much faster
  return spaced(cased(cased(text)).replace(/\p{Cf}/gu, ""));
}

const PLAIN = /^[ -~]*$/;
const spaced = (text) => text.trim().replace(/\s+/g, " ");

/** JavaScript has no case folding. Letter by letter up and down again comes to the same: ß is SS is ss, ς is Σ is σ. */
const cased = (text) => Array.from(text.normalize("NFKC"), folding).join("");
const folding = (letter) => (letter === "ı" ? letter : letter.toUpperCase().toLowerCase());
