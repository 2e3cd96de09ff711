// The official Python client, in a process of its own.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { databases } from "./harness/databases.mjs";
import { root, startServer } from "./harness/server.mjs";
import { feedWorkflow } from "./harness/workflows.mjs";

const python = join(root, ".venv/bin/python");
const skip = existsSync(python) ? false : ".venv is missing; scripts/install.sh makes it";

for (const database of databases()) {
  describe(`the Python client on ${database.name}`, { skip }, () => {
    it("identifies, triggers, reads and deletes", async () => {
      const server = await startServer({ database });
      try {
        await server.publish("note", feedWorkflow);
        const { stdout } = await promisify(execFile)(python, [join(root, "tests/e2e/python_sdk.py")], {
          env: {
            PATH: process.env.PATH,
            BASE_URL: server.baseURL,
            SECRET_KEY: server.secretKey,
            FEED_ID: await server.channelId("in-app-feed"),
          },
          timeout: 60_000,
        });
        assert.equal(stdout.trim(), "ok");
      } finally {
        await server.stop();
      }
    });
  });
}
