// Why we may refuse what liquidjs parses: what our message says, and the rule of templates.md. liquidjs reads markup up
// to the first thing that it does not know and drops the rest silently.
const RULES = [
  [/^unknown filter/u, "S3: unknown filters are refused, since a typing error would go unseen"],
  [/^unknown tag|^render takes no|^expected the key of a partial/u, "2.2, T6.1: tags and modifiers that there are not"],
  [/^expected the end of the markup/u, "2, T2.9: words left over; the golden vectors call `{{ foo bar }}`, `1 + 2` and `a[0]b` invalid"],
  [/^unexpected character/u, "2, T2.9: the golden vectors call `{{ @foo }}` and `{{ -foo }}` invalid"],
  [/^expected a value, found "/u, "2, T2.9: a sign where a value belongs"],
  [/^expected a value, found nothing/u, "2, T2.9: the golden vectors call an empty `when` invalid, and so is an option without its value"],
  [/^expected a property name/u, "2, T2.9: the golden vectors call `a.0.b`, `a..b` and `a.['b']` invalid"],
  [/^expected (\]|\)|\.\.|:|=)/u, "T2.9: a bracket, range, option or assignment that is not complete"],
  [/^expected (a variable name|the name of the loop variable)/u, "T2.3: only identifiers can be assigned to or counted"],
  [/^expected the name of a filter/u, "T2.9: something else than a name after the pipe"],
  [/^expected limit, offset or reversed/u, "2.2: `for` takes these; a filter there would be dropped silently"],
  [/^text is not closed/u, "T2.9: a quote that is not closed"],
  [/^\w+ is not closed/u, "T2.9: a tag that is not closed, be it because an open quote hides where it ends"],
  [/^every line of an inline comment/u, "2: the golden vectors demand it"],
  [/^number .* is out of range/u, "2.1: numbers have a range"],
  [/^(endraw|\w+) (closes nothing|outside of a block)|^unexpected tag/u, "T2.9: a tag that closes nothing"],
];

export function ruleOf(message) {
  return RULES.find(([pattern]) => pattern.test(message))?.[1];
}
