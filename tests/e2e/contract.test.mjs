// Both APIs as their documents say: the contract walk beside the repository, and schemathesis against our own document.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";

import { databases, sqlite } from "./harness/databases.mjs";
import { eventually } from "./harness/poll.mjs";
import { root, startServer } from "./harness/server.mjs";
import { delayed, feedWorkflow } from "./harness/workflows.mjs";

const venv = join(root, ".venv/bin");
const noVenv = existsSync(join(venv, "python")) ? false : ".venv is missing; scripts/install.sh makes it";
const walker = findUpwards("shared/conformance/contract.py");
const noWalker = walker ? false : "../shared/conformance is not there";
const fuzzSeed = process.env.CAMPANILE_FUZZ_SEED ?? "1";
const fuzzExamples = process.env.CAMPANILE_FUZZ_EXAMPLES ?? "6";

for (const database of databases()) {
  describe(`the contract on ${database.name}`, { skip: noVenv }, () => {
    it("is kept by every public operation", { skip: noWalker }, async () => {
      const server = await startServer({ database });
      try {
        const keys = ["--secret-key", server.secretKey, "--service-token", server.serviceToken];
        const run = await output(join(venv, "python"), [walker, "--base-url", server.baseURL, ...keys, "--api", "public"]);
        assert.match(run.text, /, 0 failed\s*$/, run.text);
        assert.equal(run.code, 0, run.text);
      } finally {
        await server.stop();
      }
    });

    it("holds for whatever schemathesis thinks of", async () => {
      const server = await startServer({ database, flags: ["--log", "warn"] });
      try {
        const known = await furnish(server);
        // The phase that goes through every corner of every schema is long, and about the shapes, not the storage.
        const phases = database.name === sqlite.name ? "coverage,fuzzing" : "fuzzing";
        const checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
        const run = await output(
          join(venv, "st"),
          [
            ...["--config-file", join(root, "tests/e2e/schemathesis.toml")],
            ...["run", `${server.baseURL}/v1/openapi`, "-H", `Authorization: Bearer ${server.secretKey}`],
            ...["--phases", phases, "--checks", checks, "--continue-on-failure", "--no-color"],
            ...["--max-examples", fuzzExamples, "--seed", fuzzSeed, "--warnings", "off"],
          ],
          { CAMPANILE_KNOWN: JSON.stringify(known) },
        );
        assert.equal(run.code, 0, run.text.slice(-20_000));
        assert.match(run.text, /Selected: 118\/118/);
      } finally {
        await server.stop();
      }
    });
  });
}

/** Things to meet, and their ids by the name of the path parameter. */
async function furnish(server) {
  const { knock } = server;
  const name = (prefix, count) => Array.from({ length: count }, (_, n) => `${prefix}${n + 1}`);
  const [users, objects, tenants] = [name("user-", 8), name("project-", 6), name("tenant-", 4)];
  await server.publish("note", feedWorkflow);
  await server.publish("slow", delayed("days", 1));
  for (const id of tenants) await knock.tenants.set(id, { name: id });
  for (const id of users) await knock.users.update(id, { name: id, email: `${id}@collab.example` });
  for (const id of objects) await knock.objects.set("projects", id, { name: id });
  await knock.objects.addSubscriptions("projects", objects[0], { recipients: users });
  for (const tenant of tenants) await knock.users.setPreferences(users[0], tenant, { channel_types: { email: false } });
  const schedules = await knock.schedules.create({
    recipients: users,
    workflow: "note",
    scheduled_at: "2200-01-01T00:00:00Z",
  });
  const run = await knock.workflows.trigger("note", { recipients: users, data: { id: 1, text: "hello" } });
  await knock.workflows.trigger("slow", { recipients: users });
  const messages = await server.messagesOf(run.workflow_run_id, users.length);
  const bulk = await knock.users.bulk.identify({ users: users.map((id) => ({ id, plan: "pro" })) });
  const runs = await eventually("the recipient runs", async () => {
    const page = await knock.workflowRecipientRuns.list({ workflow: "note" });
    return page.items.length > 0 && page.items;
  });
  const { entries: channels } = await server.manage("GET", "/v1/channels");
  const ofType = (type) => channels.filter((channel) => channel.type === type).map((channel) => channel.id);
  return {
    user_id: users,
    collection: ["projects"],
    object_id: objects,
    "/objects/ id": objects,
    "/tenants/ id": tenants,
    "/preferences/ id": ["default", ...tenants],
    "/feeds/ id": ofType("in_app_feed"),
    "/guides/ channel_id": ofType("in_app_guide"),
    channel_id: channels.map((channel) => channel.id),
    message_id: messages.map((message) => message.id),
    action: ["seen", "read", "archived"],
    "/workflows/ key": ["note", "slow"],
    "/categories/ key": ["news"],
    type: ["email", "in_app_feed"],
    "/bulk_operations/ id": [bulk.id],
    "/workflow_recipient_runs/ id": runs.map((each) => each.id),
    "/schedules/ id": schedules.map((schedule) => schedule.id),
  };
}

function findUpwards(path) {
  for (let dir = root, last; dir !== last; last = dir, dir = dirname(dir)) {
    if (existsSync(join(dir, path))) return join(dir, path);
  }
  return undefined;
}

/** Runs a program to its end: `{code, text}` with both of its outputs. */
function output(program, options, environment = {}) {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH, PYTHONPATH: join(root, "tests/e2e"), PYTHONDONTWRITEBYTECODE: "1", ...environment };
    const child = spawn(program, options, { env, cwd: join(root, "tests/e2e/artifacts"), stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, text }));
  });
}
