// Templates of the subset that our Liquid and liquidjs share. What they print differently on purpose is left out here
// and stands in deviations.mjs, each with its rule.

// Keys ascend: objects are walked in that order by us (templates.md S1), in their own by liquidjs.
export const DATA = {
  blankish: "   ",
  count: 3,
  empty_list: [],
  empty_text: "",
  flag: true,
  items: [
    { id: 1, name: "Pot", on: true, price: 30 },
    { id: 2, name: "Tea & cup", on: false, price: 12 },
    { id: 3, name: "tray", on: true, price: 8 },
  ],
  name: "Ada Lovelace",
  negative: -7,
  nested: { deep: { key: "found", list: ["x", "y"] }, other: 5 },
  numbers: [5, 3, 9, 1],
  off: false,
  pair: { a: 1, b: "two" },
  sentence: "the quick brown fox jumps over the lazy dog",
  tags: ["red", "green", "blue", "red"],
  umlaut: "Zoë Größe",
  when: "2024-03-09T08:05:06Z",
  zero: 0,
};

const TEXTS = ["name", "sentence", "umlaut", "empty_text", "nested.deep.key", "items[0].name", "tags[1]", "pair.b"];
const NUMBERS = ["count", "negative", "zero", "numbers[0]", "items[1].price", "nested.other", "pair['a']", "numbers.size"];
const LISTS = ["tags", "numbers", "nested.deep.list", "empty_list"];
const ANY = [...TEXTS, ...NUMBERS, "flag", "off", "missing", "missing.deeper", "nil", "true", "tags.first", "tags.last"];
const WORDS = ["a", "red", "quick", " ", "o", "Ada", "x-y", "ö"];
const PLAIN = ["Hello ", "\n", " - ", "<b>", "</b> ", "{ not markup } ", "%", "100% ", "a\n\nb ", "é", "'quoted' ", "\t"];

export class Generator {
  constructor(random) {
    this.random = random;
    this.names = [];
    this.loops = [];
  }

  template() {
    this.names = [];
    this.loops = [];
    return this.nodes(3, 8, 3);
  }

  nodes(low, high, depth) {
    return this.random.times(low, high, () => this.node(depth)).join("");
  }

  node(depth) {
    const leaf = [
      () => this.random.pick(PLAIN),
      () => this.output(),
      () => this.output(),
      () => this.output(),
      () => this.assign(),
      () => this.tag(`increment counter${this.random.below(2)}`),
      () => this.tag(`decrement counter${this.random.below(2)}`),
      () => this.tag(`echo ${this.value()}`),
      () => this.tag("# a note, isn't it"),
      () => `{% comment %}${this.random.pick(["", "{{ name }}", "{% if x %}"])}{% endcomment %}`,
      () => `{% raw %}${this.random.pick(["{{ name }}", "{% if x %}", "{{"])}{% endraw %}`,
    ];
    if (depth === 0) return this.random.pick(leaf)();
    const block = [
      () => this.condition(depth - 1),
      () => this.condition(depth - 1),
      () => this.unless(depth - 1),
      () => this.choice(depth - 1),
      () => this.loop(depth - 1),
      () => this.loop(depth - 1),
      () => this.capture(depth - 1),
    ];
    return this.random.pick(this.random.chance(0.5) ? leaf : block)();
  }

  tag(inner) {
    const dash = () => (this.random.chance(0.15) ? "-" : "");
    return `{%${dash()} ${inner} ${dash()}%}`;
  }

  output() {
    const dash = () => (this.random.chance(0.15) ? "-" : "");
    const space = this.random.chance(0.9) ? " " : "";
    return `{{${dash()}${space}${this.value()}${space}${dash()}}}`;
  }

  // Something that prints the same in both.
  value() {
    const kinds = [() => this.text(), () => this.text(), () => this.number(), () => this.number(), () => this.listed(), () => this.random.pick(ANY)];
    if (this.names.length > 0) kinds.push(() => this.random.pick(this.names));
    if (this.loops.length > 0) kinds.push(() => this.ofLoop());
    return this.random.pick(kinds)();
  }

  quoted() {
    const word = this.random.pick(WORDS);
    return this.random.chance(0.5) ? `"${word}"` : `'${word}'`;
  }

  textTerm() {
    return this.random.chance(0.3) ? this.quoted() : this.random.pick(TEXTS);
  }

  numberTerm() {
    return this.random.chance(0.4) ? String(this.random.between(-9, 20)) : this.random.pick(NUMBERS);
  }

  text() {
    const r = this.random;
    const filters = [
      () => r.pick(["upcase", "downcase", "capitalize", "strip", "lstrip", "rstrip", "strip_newlines", "newline_to_br"]),
      () => r.pick(["strip_html", "escape_once", "url_decode", "base64_encode"]),
      () => `append: ${this.textTerm()}`,
      () => `prepend: ${this.textTerm()}`,
      () => `remove: ${this.quoted()}`,
      () => `remove_first: ${this.quoted()}`,
      () => `remove_last: ${this.quoted()}`,
      () => `replace: ${this.quoted()}, ${this.textTerm()}`,
      () => `replace_first: ${this.quoted()}, ${this.quoted()}`,
      () => `truncate: ${r.between(4, 30)}`,
      () => `truncate: ${r.between(3, 30)}, ${r.pick(['""', '"…"', '"--"'])}`,
      () => `slice: ${r.between(0, 3)}, ${r.between(1, 6)}`,
      () => `slice: ${r.between(-3, -1)}, ${r.between(1, 3)}`,
      () => `default: ${this.quoted()}`,
    ];
    return this.chain(this.textTerm(), filters);
  }

  number() {
    const r = this.random;
    const filters = [
      () => `plus: ${this.numberTerm()}`,
      () => `minus: ${this.numberTerm()}`,
      () => `times: ${r.between(-4, 9)}`,
      () => `at_least: ${this.numberTerm()}`,
      () => `at_most: ${this.numberTerm()}`,
      () => r.pick(["abs", "ceil", "floor", "round"]),
      () => `default: ${r.between(1, 9)}`,
      () => `append: ${this.quoted()}`,
    ];
    // A text that begins with a number counts as one, but only in arithmetic: `append` comes last.
    const chain = this.chain(this.numberTerm(), filters.slice(0, -1));
    return r.chance(0.1) ? `${chain} | append: ${this.quoted()}` : chain;
  }

  listed() {
    const r = this.random;
    const list = () => this.chain(r.pick(LISTS), [() => "reverse", () => "uniq", () => "compact", () => `concat: ${r.pick(LISTS)}`]);
    return r.pick([
      () => `${list()} | join: ${this.quoted()}`,
      () => `${list()} | size`,
      () => `${list()} | first`,
      () => `${list()} | last`,
      () => `tags | sort | join: ","`,
      () => `tags | sort_natural | join`,
      () => `numbers | sort | join: " "`,
      () => `numbers | sum`,
      () => `items | map: "${r.pick(["id", "name", "price"])}" | join: ", "`,
      () => `items | sum: "price"`,
      () => `items | where: "on" | map: "name" | join: ";"`,
      () => `items | where: "id", ${r.between(1, 4)} | map: "name" | first`,
      () => `sentence | split: " " | ${r.pick(["first", "last", "size", 'join: "+"'])}`,
      () => `tags | slice: ${r.between(0, 2)}, 2 | join: "/"`,
      () => `numbers | json`,
      () => `pair | json`,
      () => `name | json`,
      () => `when | date: "${r.pick(["%Y-%m-%d", "%b %d, %Y", "%-d %B", "%H:%M:%S", "%I:%M %p", "%A %j", "%y %a %%", "%s"])}"`,
    ])();
  }

  chain(term, filters) {
    const names = this.random.times(0, 3, () => ` | ${this.random.pick(filters)()}`);
    return term + names.join("");
  }

  assign() {
    const name = `v${this.random.below(3)}`;
    const tag = this.tag(`assign ${name} = ${this.value()}`);
    if (!this.names.includes(name)) this.names.push(name);
    return tag;
  }

  capture(depth) {
    const name = `c${this.random.below(2)}`;
    const body = this.nodes(1, 3, depth);
    if (!this.names.includes(name)) this.names.push(name);
    return `${this.tag(`capture ${name}`)}${body}${this.tag("endcapture")}`;
  }

  comparison() {
    const r = this.random;
    return r.pick([
      () => `${this.numberTerm()} ${r.pick(["==", "!=", "<", ">", "<=", ">="])} ${this.numberTerm()}`,
      () => `${this.textTerm()} ${r.pick(["==", "!="])} ${this.textTerm()}`,
      () => `${r.pick(TEXTS)} contains ${this.quoted()}`,
      () => `tags contains ${this.quoted()}`,
      () => r.pick(ANY),
      () => `${r.pick([...LISTS, "empty_text", "name"])} ${r.pick(["==", "!="])} empty`,
      () => `${r.pick(["missing", "off", "empty_text", "empty_list", "blankish", "name", "flag"])} ${r.pick(["==", "!="])} blank`,
      () => `missing == nil`,
      () => `flag == true`,
    ])();
  }

  // Of two kinds of joins in one condition the page and liquidjs differ; one kind associates either way.
  test() {
    const join = this.random.pick([" and ", " or "]);
    return this.random.times(1, 3, () => this.comparison()).join(join);
  }

  condition(depth) {
    const elsifs = this.random.times(0, 2, () => this.tag(`elsif ${this.test()}`) + this.nodes(0, 2, depth)).join("");
    const otherwise = this.random.chance(0.5) ? this.tag("else") + this.nodes(0, 2, depth) : "";
    return `${this.tag(`if ${this.test()}`)}${this.nodes(1, 3, depth)}${elsifs}${otherwise}${this.tag("endif")}`;
  }

  unless(depth) {
    const otherwise = this.random.chance(0.4) ? this.tag("else") + this.nodes(0, 2, depth) : "";
    return `${this.tag(`unless ${this.test()}`)}${this.nodes(1, 3, depth)}${otherwise}${this.tag("endunless")}`;
  }

  choice(depth) {
    const r = this.random;
    const isText = r.chance(0.5);
    const value = () => (isText ? this.quoted() : String(r.between(-1, 6)));
    const whens = r.times(1, 3, () => {
      const values = r.times(1, 2, value).join(r.pick([", ", " or "]));
      return this.tag(`when ${values}`) + this.nodes(0, 2, depth);
    });
    const otherwise = r.chance(0.5) ? this.tag("else") + this.nodes(0, 2, depth) : "";
    return `${this.tag(`case ${isText ? this.textTerm() : this.numberTerm()}`)}${whens.join("")}${otherwise}${this.tag("endcase")}`;
  }

  loop(depth) {
    const r = this.random;
    const name = `i${this.loops.length}`;
    const list = r.pick([...LISTS, "items", "missing", `(${r.between(-1, 3)}..${r.between(1, 4)})`, "(zero..count)", "pair"]);
    const options = [];
    if (r.chance(0.25)) options.push(`limit: ${r.between(0, 3)}`);
    if (r.chance(0.2)) options.push(`offset: ${r.between(0, 2)}`);
    if (r.chance(0.2)) options.push("reversed");
    this.loops.push({ name, isItem: list === "items" });
    let body = this.nodes(1, 3, depth);
    if (r.chance(0.2)) body += this.tag(`cycle ${r.pick(["'a', 'b'", '"x", "y", "z"', "1, 2"])}`);
    if (r.chance(0.15)) body += `${this.tag(`if forloop.index == ${r.between(1, 3)}`)}${this.tag(r.pick(["break", "continue"]))}${this.tag("endif")}after`;
    this.loops.pop();
    // Where a limit or an offset leaves nothing, only liquidjs skips the `else`.
    const mayHaveElse = options.length === 0 || options[0] === "reversed";
    const otherwise = mayHaveElse && r.chance(0.3) ? this.tag("else") + this.nodes(0, 1, depth) : "";
    return `${this.tag(`for ${name} in ${list} ${options.join(" ")}`)}${body}${otherwise}${this.tag("endfor")}`;
  }

  ofLoop() {
    const r = this.random;
    const loop = r.pick(this.loops);
    const forloop = `forloop.${r.pick(["index", "index0", "rindex", "rindex0", "first", "last", "length"])}`;
    if (loop.isItem) return r.pick([`${loop.name}.${r.pick(["id", "name", "on", "price", "nope"])}`, forloop]);
    return r.pick([loop.name, forloop]);
  }
}
