// scripts/demo.sh as a newcomer meets it: again, after a kill -9, with the port taken, and with Ctrl-C.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

import { eventually } from "./harness/poll.mjs";
import { freePort, root } from "./harness/server.mjs";

const dataDir = mkdtempSync(join(tmpdir(), "campanile-demo-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));

/** `output` grows while it runs; `exit` resolves to its code and signal. */
function startDemo(port, environment = {}) {
  const child = spawn(join(root, "scripts/demo.sh"), [], {
    env: {
      ...process.env,
      CAMPANILE_LISTEN: `127.0.0.1:${port}`,
      CAMPANILE_DEMO_DATA_DIR: dataDir,
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const demo = { child, output: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      demo.output += chunk;
    });
  }
  demo.exit = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  return demo;
}

async function runOnce(port) {
  const demo = startDemo(port, { CAMPANILE_DEMO_ONCE: "1" });
  const { code } = await demo.exit;
  assert.equal(code, 0, demo.output);
  return demo.output;
}

function isUp(demo) {
  const ended = demo.exit.then(({ code }) => {
    throw new Error(`the demo ended with ${code} before it was up:\n${demo.output}`);
  });
  ended.catch(() => {}); // It ends some day, long after it was up.
  const up = () => demo.output.includes("Running until Ctrl-C");
  return eventually("the demo is up", up, { seconds: 90, unless: ended });
}
const serverPid = () => Number(readFileSync(join(dataDir, "server.pid"), "utf8"));

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function assertTable(output) {
  for (const row of [
    /ada +new-comment +in-app-feed +delivered +Alan commented on Q3 plan/,
    /ada +new-comment +email +not_sent +Alan commented on Q3 plan/,
    /grace +new-comment +in-app-feed +delivered/,
    /ada +mention +in-app-feed +delivered/,
    /ada +mention +email +not_sent +Alan mentioned you in Q3 plan/,
    /ada +mention +push +not_sent/,
    /ada +mention +chat +not_sent/,
    /Secret key +sk_test_/,
    /curl -s http/,
  ]) {
    assert.match(output, row);
  }
}

describe("the demo", () => {
  it("shows what reached whom, and the same when repeated", async () => {
    const first = await runOnce(await freePort());
    assertTable(first);
    const second = await runOnce(await freePort());
    assertTable(second);
    const key = /sk_test_\w+/;
    assert.equal(key.exec(second)[0], key.exec(first)[0], "the keys stay");
  });

  it("works again after a kill -9 of its server", async () => {
    const demo = startDemo(await freePort());
    await isUp(demo);
    process.kill(serverPid(), "SIGKILL");
    const { code } = await demo.exit;
    assert.notEqual(code, 0);
    assert.match(demo.output, /the server ended by itself/);
    assertTable(await runOnce(await freePort()));
  });

  it("says which port is taken, and how to choose another", async () => {
    const port = await freePort();
    const holder = createServer().listen(port, "127.0.0.1");
    try {
      const demo = startDemo(port);
      const { code } = await demo.exit;
      assert.equal(code, 1, demo.output);
      assert.match(demo.output, new RegExp(`port ${port} on 127\\.0\\.0\\.1 is taken`));
      assert.match(demo.output, /CAMPANILE_LISTEN=127\.0\.0\.1:\d+ make demo/);
    } finally {
      holder.close();
    }
  });

  it("stops its server gracefully on Ctrl-C", async () => {
    const demo = startDemo(await freePort());
    await isUp(demo);
    const pid = serverPid();
    demo.child.kill("SIGINT");
    const { code } = await demo.exit;
    assert.equal(code, 0, demo.output);
    assert.match(demo.output, /Stopping the server/);
    assert.ok(!/is killed/.test(demo.output), demo.output);
    assert.ok(!alive(pid), "the server still runs");
  });
});
