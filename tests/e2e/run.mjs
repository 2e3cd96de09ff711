// `npm test`: checks what the tests need, then runs them one file after another, since two cores are shared with
// the servers under test. Arguments narrow the files: `npm test -- smtp webhook`.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

function refuse(text) {
  console.error(`tests/e2e: ${text}`);
  process.exit(2);
}

const binary = process.env.CAMPANILE_BIN;
if (!binary) refuse("CAMPANILE_BIN must name the campanile binary, for example target/debug/campanile");
try {
  accessSync(binary, constants.X_OK);
} catch {
  refuse(`CAMPANILE_BIN=${binary} is not an executable file`);
}
if (!existsSync(join(here, "node_modules/@knocklabs/node"))) refuse("node_modules is missing; run scripts/install.sh");
// Only now, since it loads the client that the line above looks for.
const { forgetCalls, uncalledMethods } = await import("./harness/coverage.mjs");

const [major, minor] = process.versions.node.split(".").map(Number);
const wanted = process.argv.slice(2);
const files = readdirSync(here)
  .filter((name) => name.endsWith(".test.mjs"))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort()
  .map((name) => join(here, name));
if (files.length === 0) refuse(`no test file matches ${wanted.join(", ")}`);

const options = ["--test", "--test-reporter=spec"];
if (major >= 20) options.push("--test-concurrency=1");
// A file that leaves a process or a socket behind ends with its tests, and one that hangs fails alone.
if (major > 20 || (major === 20 && minor >= 14)) options.push("--test-force-exit", "--test-timeout=600000");
forgetCalls();
// A bound for everything: a forgotten process must not hold up `make test` for ever.
const { status, error } = spawnSync(process.execPath, [...options, ...files], { stdio: "inherit", timeout: 15 * 60_000 });
if (error) console.error(`tests/e2e: ${error.message}`);
if (status === 0 && wanted.length === 0) {
  const uncalled = uncalledMethods();
  if (uncalled.length > 0) {
    console.error(`tests/e2e: no test calls these methods of @knocklabs/node with success: ${uncalled.join(", ")}`);
    process.exit(1);
  }
}
process.exit(status ?? 1);
