// Recipient runs through the official client: which ran, how far they got, and why.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { eventually } from "./harness/poll.mjs";
import { startServer } from "./harness/server.mjs";
import { delayed, feedStep, feedWorkflow } from "./harness/workflows.mjs";

// The instant that the delay waits for is never in the data, which is an error of the run.
const faulty = {
  steps: [{ ref: "delay_1", type: "delay", settings: { delay_until_field_path: "data.when" } }, feedStep],
};

for (const database of databases()) {
  describe(`recipient runs on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
      await server.publish("note", feedWorkflow);
      await server.publish("tomorrow", delayed("days", 1));
      await server.publish("faulty", faulty);
    });
    after(() => server?.stop());

    const trigger = async (workflow, body) =>
      (await knock.workflows.trigger(workflow, { data: { text: "x", id: 1 }, ...body })).workflow_run_id;
    /** The runs of a trigger once they are all in `status`, in the order of the list. */
    const become = (workflow_run_id, status, count) =>
      eventually(`${count} runs ${status}`, async () => {
        const { items } = await knock.workflowRecipientRuns.list();
        const runs = items.filter((run) => run.workflow_run_id === workflow_run_id);
        if (runs.length === count && runs.every((run) => run.status === status)) return runs;
        throw new Error(JSON.stringify(runs.map((run) => run.status)));
      });

    it("shows a finished run, and the events that led to its message", async () => {
      const run = await trigger("note", { recipients: [{ id: "u1", name: "One" }], actor: { id: "a1" }, tenant: "acme" });
      const [listed] = await become(run, "completed", 1);
      const [message] = await server.messagesOf(run, 1);
      assert.equal(listed.__typename, "WorkflowRecipientRun");
      assert.equal(listed.id, message.source.workflow_recipient_run_id);
      const { workflow, recipient, actor, tenant, error_count, trigger_source } = listed;
      assert.deepEqual(
        { workflow, recipient, actor, tenant, error_count },
        { workflow: "note", recipient: "u1", actor: "a1", tenant: "acme", error_count: 0 },
      );
      assert.equal(trigger_source.type, "api");

      const detail = await knock.workflowRecipientRuns.get(listed.id);
      const { events, ...rest } = detail;
      assert.deepEqual(rest, listed);
      const enqueued = events.find(({ event }) => event === "message_enqueued");
      assert.ok(enqueued, events.map(({ event }) => event).join());
      assert.equal(enqueued.__typename, "WorkflowRecipientRunEvent");
      assert.deepEqual([enqueued.status, enqueued.step_ref, enqueued.step_type], ["ok", "feed_1", "channel"]);
      assert.equal(enqueued.data.message_id, message.id);
      assert.equal(enqueued.data.channel_type, "in_app_feed");
    });

    it("shows a paused run, and how a cancellation ends it", async () => {
      const run = await trigger("tomorrow", {
        recipients: [{ id: "kept" }, { id: "dropped" }],
        cancellation_key: "stop-it",
      });
      const paused = await become(run, "paused", 2);
      assert.equal(paused[0].trigger_source.cancellation_key, "stop-it");
      await knock.workflows.cancel("tomorrow", { cancellation_key: "stop-it", recipients: ["dropped"] });
      await eventually("one run is cancelled", async () => {
        const { items } = await knock.workflowRecipientRuns.list({ workflow: "tomorrow", status: ["cancelled"] });
        return items.length === 1 && items[0].recipient === "dropped";
      });
      const { items } = await knock.workflowRecipientRuns.list({ workflow: "tomorrow", status: ["paused"] });
      assert.deepEqual(items.map(({ recipient }) => recipient), ["kept"]);
    });

    it("counts errors, which stop neither the run nor its message", async () => {
      const run = await trigger("faulty", { recipients: [{ id: "unlucky", name: "Unlucky" }] });
      const [{ id, error_count }] = await become(run, "completed", 1);
      assert.equal(error_count, 1);
      await server.messagesOf(run, 1);
      const { events } = await knock.workflowRecipientRuns.get(id);
      const wrong = events.filter(({ status }) => status === "error");
      assert.deepEqual(wrong.map(({ step_ref, step_type }) => [step_ref, step_type]), [["delay_1", "delay"]]);
    });

    it("lists by every filter, newest first, page by page", async () => {
      const object = { collection: "teams", id: "red" };
      const since = new Date().toISOString();
      const plain = await trigger("note", { recipients: [{ id: "f1" }] });
      const tenanted = await trigger("note", { recipients: [{ ...object, name: "Red" }], tenant: "filtered" });
      const wrong = await trigger("faulty", { recipients: ["f1"] });
      for (const run of [plain, tenanted, wrong]) await become(run, "completed", 1);
      const runsOf = async (query) => {
        const runs = [];
        for await (const run of knock.workflowRecipientRuns.list({ starting_at: since, page_size: 1, ...query })) {
          runs.push(run.workflow_run_id);
        }
        return runs;
      };
      assert.deepEqual(await runsOf({}), [wrong, tenanted, plain]);
      assert.deepEqual(await runsOf({ workflow: "faulty" }), [wrong]);
      assert.deepEqual(await runsOf({ recipient: "f1" }), [wrong, plain]);
      assert.deepEqual(await runsOf({ recipient: object }), [tenanted]);
      assert.deepEqual(await runsOf({ tenant: "filtered" }), [tenanted]);
      assert.deepEqual(await runsOf({ has_errors: true }), [wrong]);
      assert.deepEqual(await runsOf({ has_errors: false }), [tenanted, plain]);
      assert.deepEqual(await runsOf({ status: ["paused", "cancelled"] }), []);
      assert.ok(!(await runsOf({ starting_at: undefined, ending_at: since })).includes(plain));
    });

    it("does not know a run that never was", async () => {
      await assert.rejects(
        knock.workflowRecipientRuns.get("11111111-2222-4333-8444-555555555555"),
        Knock.NotFoundError,
      );
    });
  });
}
