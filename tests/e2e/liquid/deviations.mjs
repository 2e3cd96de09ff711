// Where our Liquid and liquidjs answer differently on purpose: template, what we print, what liquidjs prints, and the
// rule of the product specification (templates.md). `ours: null` is an error.
export const DEVIATIONS = [
  { template: "{{ pair }}", ours: '{"a":1,"b":"two"}', theirs: "[object Object]", rule: "2.1, S1: objects print as JSON" },
  { template: "{{ (1..3) }}", ours: "1..3", theirs: "123", rule: "2.1: a range prints its ends" },
  { template: "{{ 2.0 }}", ours: "2.0", theirs: "2", rule: "2.1: floats keep their fraction" },
  { template: "{{ 'a,,b' | split: ',' | size }}", ours: "2", theirs: "3", rule: "2.5: split drops empty pieces" },
  { template: "{{ 5 | divided_by: 3 }}", ours: "1", theirs: "1.6666666666666667", rule: "2.5: integers divide to integers" },
  { template: "{{ 1.1 | plus: 2.2 }}", ours: "3.3", theirs: "3.3000000000000003", rule: "2.5: decimal arithmetic" },
  { template: `{{ '"' | escape }}`, ours: "&quot;", theirs: "&#34;", rule: "2.5: escape" },
  { template: "{{ 'a(b)!' | url_encode }}", ours: "a%28b%29%21", theirs: "a(b)!", rule: "2.5: form encoding" },
  { template: "{{ 10 | divided_by: 0 }}", ours: null, theirs: "Infinity", rule: "2.4: division by zero is an error" },
  { template: "{% if 'a' > 1 %}y{% else %}n{% endif %}", ours: null, theirs: "n", rule: "T2.5: a number and a text have no order" },
  { template: "{{ name | nosuch }}", ours: null, theirs: "Ada Lovelace", rule: "S3: unknown filters are refused" },
  { template: "{{ name | upcase: 1 }}", ours: null, theirs: "ADA LOVELACE", rule: "2.4: too many arguments are an error" },
  { template: "{{ '2024-01-01' | date: '%e' }}", ours: "", theirs: " 1", rule: "T2.14: %e blanks the whole date" },
  { template: "{% tablerow i in nested.deep.list %}{{ i }}{% endtablerow %}", ours: '<tr class="row1">\n<td class="col1">x</td><td class="col2">y</td></tr>\n', theirs: '<tr class="row1"><td class="col1">x</td><td class="col2">y</td></tr>', rule: "2: the golden vectors" },
  { template: "{% for i in tags limit: 0 %}a{% else %}b{% endfor %}", ours: "b", theirs: "", rule: "0, 2.2: as in solid, else is for nothing left to iterate" },
  { template: "{% for i in tags | sort %}{{ i }}{% endfor %}", ours: null, theirs: "redgreenbluered", rule: "2.2: for takes limit, offset and reversed" },
  { template: "{{ name count }}", ours: null, theirs: "Ada Lovelace", rule: "2, T2.9: words left over" },
  { template: "{% liquid echo name %}", ours: null, theirs: "Ada Lovelace", rule: "2.2: no such tag here" },
];
