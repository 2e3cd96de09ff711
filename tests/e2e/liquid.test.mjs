// Our Liquid against npm's liquidjs, which the official CLI checks templates with: the same output for generated
// templates of the common subset, and nothing refused that the CLI lets pass, except by rule.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

// liquidjs shows dates in the zone of its process; ours in the one they carry.
process.env.TZ = "UTC";
const { Liquid } = await import("liquidjs");
import { DEVIATIONS } from "./liquid/deviations.mjs";
import { DATA, Generator } from "./liquid/generator.mjs";
import { OddGenerator } from "./liquid/odd.mjs";
import { Ours } from "./liquid/ours.mjs";
import { Random } from "./liquid/random.mjs";
import { ruleOf } from "./liquid/refusals.mjs";

const TEMPLATES = 2_000;
const ODD_TEMPLATES = 10_000;
const SHOWN = 5;
// Words that run together or fall apart change their meaning: `{{ a x }}`, `ceil-`, `offset 0`, `{% # \n note %}`.
const MISREAD = /^unknown filter "\w+-"|^expected a value|^expected the end of the markup|^expected limit, offset or reversed|^expected :|^unexpected character|^every line of an inline comment/u;

const theirs = new Liquid({ preserveTimezones: true });
let ours;

before(() => {
  ours = new Ours(process.env.CAMPANILE_BIN);
});
after(() => ours.close());

const parses = (template) => {
  try {
    theirs.parse(template);
    return true;
  } catch {
    return false;
  }
};

const report = (problems) => `${problems.length} differ, the shortest:\n${problems.sort((a, b) => a.length - b.length).slice(0, SHOWN).join("\n\n")}`;

test(`${TEMPLATES} generated templates render the same`, async () => {
  const generator = new Generator(new Random(20_240_131));
  const templates = Array.from({ length: TEMPLATES }, () => generator.template());
  const problems = [];
  await Promise.all(
    templates.map(async (template) => {
      // Counters live in the data that liquidjs is given.
      const want = theirs.parseAndRenderSync(template, structuredClone(DATA));
      const answer = await ours.render(template, DATA);
      if (answer.text !== want) problems.push(`${template}\n  ours:   ${JSON.stringify(answer)}\n  theirs: ${JSON.stringify(want)}`);
    }),
  );
  assert.equal(problems.length, 0, report(problems));
});

test("every deviation is one, and has its rule", async () => {
  for (const { template, ours: want, theirs: wanted, rule } of DEVIATIONS) {
    assert.ok(rule, template);
    assert.equal(theirs.parseAndRenderSync(template, structuredClone(DATA)), wanted, `${template}: liquidjs`);
    const answer = await ours.render(template, DATA);
    if (want === null) assert.ok(answer.error, `${template}: ${JSON.stringify(answer)}`);
    else assert.equal(answer.text, want, `${template}: ${JSON.stringify(answer)}`);
  }
});

async function refused(templates) {
  const answers = await Promise.all(templates.map(async (template) => ({ template, error: (await ours.render(template, DATA)).error })));
  return answers.filter(({ error }) => error?.stage === "parse").map(({ template, error }) => ({ template, ...error }));
}

test("unusual spacing and punctuation parses wherever liquidjs parses it", async () => {
  const generator = new OddGenerator(new Random(11));
  const templates = Array.from({ length: ODD_TEMPLATES }, () => generator.spaced()).filter(parses);
  assert.ok(templates.length > ODD_TEMPLATES / 2, `${templates.length} are left`);
  const problems = (await refused(templates)).filter(({ message }) => !MISREAD.test(message));
  assert.equal(problems.length, 0, report(problems.map(({ template, message, column }) => `${template}\n  ${message} (column ${column})`)));
});

test("mutilated templates that liquidjs parses are refused by rule only", async () => {
  const generator = new OddGenerator(new Random(7));
  const templates = Array.from({ length: ODD_TEMPLATES }, () => generator.mutilated()).filter(parses);
  assert.ok(templates.length > ODD_TEMPLATES / 4, `${templates.length} are left`);
  const problems = (await refused(templates)).filter(({ message }) => !ruleOf(message));
  assert.equal(problems.length, 0, report(problems.map(({ template, message, column }) => `${template}\n  ${message} (column ${column})`)));
});
