// Triggers: what is accepted, what is refused, and what a recipient gets.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";
import { feedStep, feedWorkflow } from "./harness/workflows.mjs";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

for (const database of databases()) {
  describe(`triggers on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
      await server.publish("note", feedWorkflow);
      await knock.users.update("alan", { name: "Alan" });
    });
    after(() => server?.stop());

    const refusedWith = (status, code) => (error) => {
      assert.ok(error instanceof Knock.APIError, String(error));
      assert.equal(error.status, status, JSON.stringify(error.error));
      assert.equal(error.error.code, code);
      assert.equal(error.error.status, status);
      assert.ok(error.error.message, "the envelope needs a message for people");
      return true;
    };

    it("identifies inline, knows the actor, renders for the recipient", async () => {
      const { workflow_run_id } = await knock.workflows.trigger("note", {
        recipients: [{ id: "inline", name: "Inline", email: "inline@collab.example" }],
        actor: "alan",
        data: { text: "hello", id: 7 },
      });
      assert.match(workflow_run_id, uuid);
      const [message] = await server.messagesOf(workflow_run_id, 1);
      assert.equal(message.recipient, "inline");
      assert.deepEqual(message.actors, ["alan"]);
      assert.equal(message.source.workflow_run_id, workflow_run_id);
      assert.equal(message.source.step_ref, "feed_1");
      const { data } = await knock.messages.getContent(message.id);
      assert.equal(
        data.blocks.find((block) => block.name === "body").rendered.trim(),
        "<p><strong>Alan</strong> wrote to Inline: hello</p>",
      );
      assert.equal((await knock.users.get("inline")).email, "inline@collab.example");
    });

    it("notifies many recipients once each", async () => {
      const recipients = Array.from({ length: 25 }, (_, n) => ({ id: `many-${n}`, name: `Many ${n}` }));
      const { workflow_run_id } = await knock.workflows.trigger("note", {
        recipients: [...recipients, "many-0"],
        data: { text: "all", id: 1 },
      });
      const messages = await server.messagesOf(workflow_run_id, 25);
      assert.equal(messages.length, 25);
      assert.equal(new Set(messages.map((message) => message.recipient)).size, 25);
    });

    it("carries the tenant, made inline, to the message", async () => {
      const { workflow_run_id } = await knock.workflows.trigger("note", {
        recipients: ["alan"],
        tenant: { id: "tenant-1", name: "Tenant One" },
        data: { text: "t", id: 1 },
      });
      const [message] = await server.messagesOf(workflow_run_id, 1);
      assert.equal(message.tenant, "tenant-1");
      assert.equal((await knock.tenants.get("tenant-1")).name, "Tenant One");
    });

    it("replays an idempotent request and refuses a different one", async () => {
      const body = { recipients: ["alan"], data: { text: "once", id: 1 } };
      const options = { idempotencyKey: "only-once" };
      const first = await knock.workflows.trigger("note", body, options).withResponse();
      const second = await knock.workflows.trigger("note", body, options).withResponse();
      assert.equal(second.data.workflow_run_id, first.data.workflow_run_id);
      assert.equal(first.response.headers.get("idempotent-replayed"), null);
      assert.equal(second.response.headers.get("idempotent-replayed"), "true");
      assert.equal(
        second.response.headers.get("original-x-request-id"),
        first.response.headers.get("x-request-id"),
      );
      assert.notEqual(
        second.response.headers.get("x-request-id"),
        first.response.headers.get("x-request-id"),
      );
      assert.equal((await server.messagesOf(first.data.workflow_run_id, 1)).length, 1);
      const other = { ...body, data: { text: "another", id: 1 } };
      await assert.rejects(knock.workflows.trigger("note", other, options), refusedWith(400, "idempotency_mismatch"));
    });

    it("accepts an unknown id, makes nobody of it, and sends nothing", async () => {
      const { workflow_run_id } = await knock.workflows.trigger("note", {
        recipients: ["not-identified", "alan"],
        data: { text: "x", id: 1 },
      });
      const messages = await server.messagesOf(workflow_run_id, 1);
      assert.deepEqual(messages.map((message) => message.recipient), ["alan"]);
      await assert.rejects(knock.users.get("not-identified"), Knock.NotFoundError);
    });

    it("uses the published version, not the saved one", async () => {
      await server.publish("versioned", feedWorkflow);
      const edited = { ...feedStep, template: { ...feedStep.template, markdown_body: "edited" } };
      await server.manage("PUT", "/v1/workflows/versioned?environment=development", {
        workflow: { name: "versioned", steps: [edited] },
      });
      const body = { recipients: ["alan"], data: { text: "published", id: 1 } };
      const { workflow_run_id } = await knock.workflows.trigger("versioned", body);
      const [message] = await server.messagesOf(workflow_run_id, 1);
      const { data } = await knock.messages.getContent(message.id);
      assert.match(data.blocks[0].rendered, /published/);
    });

    it("refuses what it cannot do, and says which", async () => {
      const recipients = ["alan"];
      await assert.rejects(knock.workflows.trigger("no-such", { recipients }), refusedWith(404, "workflow_missing"));
      const crowd = Array.from({ length: 1001 }, (_, n) => `u${n}`);
      await assert.rejects(
        knock.workflows.trigger("note", { recipients: crowd }),
        refusedWith(422, "invalid_params"),
      );
      await assert.rejects(
        knock.workflows.trigger("note", { recipients, actor: "never-identified" }),
        refusedWith(422, "actor_missing"),
      );
      const stranger = new Knock({ baseURL: server.baseURL, apiKey: "sk_test_of_nobody", maxRetries: 0 });
      await assert.rejects(stranger.workflows.trigger("note", { recipients }), Knock.AuthenticationError);
    });

    it("answers bad input with the envelope and goes on", async () => {
      const path = "/v1/workflows/note/trigger";
      const cases = [
        ["malformed JSON", '{"recipients":', 400],
        ["an array", "[]", 422],
        ["no recipients", "{}", 422],
        ["recipients of a wrong type", '{"recipients":7}', 422],
        ["deep nesting", `{"recipients":["alan"],"data":${'{"a":'.repeat(5000)}1${"}".repeat(5000)}}`, [400, 422]],
      ];
      for (const [what, body, want] of cases) {
        const answer = await server.request("POST", path, body);
        assert.ok([want].flat().includes(answer.status), `${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
        assert.equal(typeof answer.body.code, "string", what);
        assert.equal(answer.body.status, answer.status, what);
        assert.ok(answer.headers.get("x-request-id"), what);
      }
      const foreign = await server.request("POST", path, { recipients: ["alan"] }, { key: server.publicKey });
      assert.equal(foreign.status, 403);
      const nobody = await server.request("POST", path, { recipients: ["alan"] }, { key: null });
      assert.equal(nobody.status, 401);
      const field = await server.request("POST", path, { recipients: 7 });
      assert.match(JSON.stringify(field.body.errors), /"field":"recipients/);
      assert.equal((await fetch(`${server.baseURL}/healthz`)).status, 200);
    });
  });
}
