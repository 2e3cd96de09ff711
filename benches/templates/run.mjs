// One mail template, ours and liquidjs in one run on one machine, parsed once and rendered many times:
//   cargo build --release -p campanile-template --example speed && node benches/templates/run.mjs
// `--json` prints the figures as JSON. Needs tests/e2e/node_modules (scripts/install.sh).
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.env.TZ = "UTC";
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const { Liquid } = createRequire(join(root, "tests/e2e/package.json"))("liquidjs");

const ROUNDS = 400;
const TIMES = 50;
// 2023-12-31T14:30:45Z, as the example has it.
const YEAR = "2023";

const source = readFileSync(join(here, "mail.liquid"), "utf8");
const data = JSON.parse(readFileSync(join(here, "mail.json"), "utf8"));

const engine = new Liquid();
// The one filter of the template that liquidjs has not.
engine.registerFilter("pluralize", (count, one, many) => (count === 1 ? one : many));
const parsed = engine.parse(source);

function measure(work) {
  for (let i = 0; i < 5_000; i += 1) work(); // Until the JIT is done.
  const rounds = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    const start = process.hrtime.bigint();
    for (let j = 0; j < TIMES; j += 1) work();
    rounds.push(Number(process.hrtime.bigint() - start) / TIMES / 1000);
  }
  rounds.sort((a, b) => a - b);
  const round = (us) => Math.round(us * 100) / 100;
  return { fastest_us: round(rounds[0]), median_us: round(rounds[ROUNDS / 2]) };
}

const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const run = spawnSync(join(target, "release/examples/speed"), { encoding: "utf8" });
if (run.status !== 0) {
  console.error(run.error?.message ?? run.stderr);
  console.error("cargo build --release -p campanile-template --example speed builds it");
  process.exit(2);
}
const ours = JSON.parse(run.stdout);
const theirs = {
  text: engine.renderSync(parsed, data),
  parse: measure(() => engine.parse(source)),
  render: measure(() => engine.renderSync(parsed, data)),
};
// The same work, or the comparison means nothing. The year is "now", which liquidjs takes from the clock.
const same = ours.text === theirs.text.replace(/· \d{4}</u, `· ${YEAR}<`);
// Of the fastest rounds: a busy machine only ever adds time.
const ratio = (what) => Math.round((theirs[what].fastest_us / ours[what].fastest_us) * 10) / 10;
const report = {
  source_bytes: ours.source_bytes,
  same_text: same,
  ours: { parse: ours.parse, render: ours.render },
  liquidjs: { parse: theirs.parse, render: theirs.render },
  times_faster: { parse: ratio("parse"), render: ratio("render") },
};
if (process.argv.includes("--json")) {
  console.log(JSON.stringify(report));
} else {
  console.log(`${report.source_bytes} bytes, the same text: ${same}`);
  for (const what of ["parse", "render"])
    console.log(`${what.padEnd(7)} ours ${ours[what].fastest_us} µs, liquidjs ${theirs[what].fastest_us} µs: ${ratio(what)} times as fast`);
}
if (!same) {
  console.error(`ours:\n${ours.text}\nliquidjs:\n${theirs.text}`);
  process.exit(1);
}
