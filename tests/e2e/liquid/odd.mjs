// Odd syntax: generated templates that are spaced, punctuated or mutilated in unusual ways. What liquidjs parses, authors
// of the official CLI can push, so ours must parse it too unless a rule refuses it (refusals.mjs).
import { Generator } from "./generator.mjs";

const INSERTED = [
  " ", "  ", "\n", "\t", "-", ",", ":", "|", ".", "..", "[0]", "['k']", '"', "'", "(", ")", "(1..2)", "=", "==", "and", "or", "not",
  "contains", "empty", "blank", "nil", "true", "else", "x", "x y", "x: 1", "1.5", "-1", "007", "1e3", "é", "@", "$", "#", "?", "!",
  "{", "}", "%", "{{", "}}", "{%", "%}", "limit", "limit:1", "offset:continue", "reversed", "| upcase", "| default: ", "| nosuch", "as y",
];

// Words, spaces and signs, so that changes fall on what means something.
const piecesOf = (source) => source.match(/\{\{-?|-?\}\}|\{%-?|-?%\}|"[^"]*"|'[^']*'|[\w-]+|\s+|./gsu) ?? [];

export class OddGenerator {
  constructor(random) {
    this.random = random;
    this.generator = new Generator(random);
  }

  // Unusual but readable: nothing of this may be refused.
  spaced() {
    const r = this.random;
    let source = this.generator.nodes(1, 2, 1);
    for (let i = r.between(1, 3); i > 0; i -= 1) {
      const pieces = piecesOf(source);
      const at = r.below(pieces.length);
      const isEnd = /^-?[%}]\}$/u.test(pieces[at] ?? "");
      const isSpace = /^\s+$/u.test(pieces[at] ?? "");
      r.pick([
        () => pieces.splice(at, 0, r.pick([" ", "\n", "\t", " \r\n ", "\u00a0"])),
        () => isSpace && pieces.splice(at, 1, r.pick(["", "\n\n", "\t ", "   "])),
        () => isEnd && pieces.splice(at, 0, r.pick([",", " , ", "|", " | ", " x", "\n"])),
        () => pieces[at] === "," && pieces.splice(at, 1, r.pick(["", " ", ",,", " , "])),
        () => pieces[at] === "|" && pieces.splice(at, 1, r.pick(["| |", "||", " |\n"])),
        () => pieces[at] === ":" && pieces.splice(at, 1, r.pick([" : ", ":\n", ": ,", ""])),
      ])();
      source = pieces.join("");
    }
    return source;
  }

  // Something dropped, doubled, swapped or put in.
  mutilated() {
    const r = this.random;
    let source = this.generator.nodes(1, 2, 1);
    for (let i = r.between(1, 2); i > 0; i -= 1) {
      const pieces = piecesOf(source);
      if (pieces.length === 0) return r.pick(INSERTED);
      const at = r.below(pieces.length);
      const other = r.below(pieces.length);
      r.pick([
        () => pieces.splice(at, 1),
        () => pieces.splice(at, 0, pieces[at]),
        () => pieces.splice(at, 0, r.pick(INSERTED)),
        () => pieces.splice(at, 0, ` ${r.pick(INSERTED)} `),
        () => pieces.splice(at, 1, r.pick(INSERTED)),
        () => ([pieces[at], pieces[other]] = [pieces[other], pieces[at]]),
      ])();
      source = pieces.join("");
    }
    return source;
  }
}
