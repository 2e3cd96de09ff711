// The official Python client: its tests are Python, in python/, and run by pytest in a process of its own.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

import { withCleanup } from "./harness/cleanup.mjs";
import { databases } from "./harness/databases.mjs";
import { microsoft, slack } from "./harness/providers.mjs";
import { startHttpReceiver } from "./harness/receivers.mjs";
import { root, startServer } from "./harness/server.mjs";

const python = join(root, ".venv/bin/python");
const skip = existsSync(python) ? false : ".venv is missing; scripts/install.sh makes it";

/** What pytest says, whether it is content or not. */
function pytest(environment) {
  const options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", join(root, "tests/e2e/python")];
  const env = { PATH: process.env.PATH, PYTEST_DISABLE_PLUGIN_AUTOLOAD: "1", PYTHONDONTWRITEBYTECODE: "1", ...environment };
  return new Promise((resolve) => {
    execFile(python, options, { env, timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ content: !error, said: `${stdout}\n${stderr}` });
    });
  });
}

for (const database of databases()) {
  describe(`the Python client on ${database.name}`, { skip }, () => {
    it("does all that it can do", async () => {
      await withCleanup(async (defer) => {
        const server = await startServer({ database, flags: ["--allow-private-addresses"] });
        defer(() => server.stop());
        const standIns = [await startHttpReceiver(slack), await startHttpReceiver(microsoft)];
        for (const { stop } of standIns) defer(stop);
        const { content, said } = await pytest({
          BASE_URL: server.baseURL,
          SECRET_KEY: server.secretKey,
          SERVICE_TOKEN: server.serviceToken,
          SLACK_URL: standIns[0].url,
          MICROSOFT_URL: standIns[1].url,
        });
        assert.ok(content, said);
      });
    });
  });
}
