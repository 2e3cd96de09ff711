// Days in milliseconds: delays, branches and cancellation under the virtual clock.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { databases, sqlite } from "./harness/databases.mjs";
import { eventually, stays } from "./harness/poll.mjs";
import { startServer } from "./harness/server.mjs";
import { delayed } from "./harness/workflows.mjs";

for (const database of databases()) {
  describe(`virtual time on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database, project: true, flags: ["--virtual-time"] });
      knock = server.knock;
      await server.publish("tomorrow", delayed("days", 1));
      await knock.users.update("alan", { name: "Alan" });
    });
    after(() => server?.stop());

    const channelsOf = async (workflow_run_id) =>
      (await knock.messages.list({ workflow_run_id })).items.map((message) => message.channel.key).sort();
    const channelsBecome = (run, want) =>
      eventually(`messages on ${want}`, async () => {
        const channels = await channelsOf(run);
        if (channels.join() === want.join()) return true;
        throw new Error(`messages on ${channels.join() || "nothing"}`);
      });

    async function comment(recipient, mention, settings) {
      const { workflow_run_id } = await knock.workflows.trigger("new-comment", {
        recipients: [{ id: recipient, name: recipient, email: `${recipient}@collab.example` }],
        actor: "alan",
        data: { document: "Q3 plan", url: "https://collab.example/d/7", comment: "Look!", mention },
        settings,
      });
      return workflow_run_id;
    }

    it("holds a run for a day and not longer", async () => {
      const { workflow_run_id } = await knock.workflows.trigger("tomorrow", {
        recipients: [{ id: "patient", name: "Patient" }],
        data: { text: "late", id: 1 },
      });
      await server.advance("PT23H59M");
      assert.deepEqual(await channelsOf(workflow_run_id), []);
      await server.advance("PT24H");
      await channelsBecome(workflow_run_id, ["in-app-feed"]);
    });

    it("sends the e-mail of a comment after ten minutes", async () => {
      const run = await comment("grace", false);
      await channelsBecome(run, ["in-app-feed"]);
      await server.advance("PT9M59S");
      assert.deepEqual(await channelsOf(run), ["in-app-feed"]);
      await server.advance("PT2S");
      await channelsBecome(run, ["email", "in-app-feed"]);
    });

    it("sends it at once to those mentioned, and where delays are skipped", async () => {
      await channelsBecome(await comment("ada", true), ["email", "in-app-feed"]);
      await channelsBecome(await comment("ada", false, { skip_delay: true }), ["email", "in-app-feed"]);
    });

    it("does not send it to those who read the feed", async () => {
      const run = await comment("quick", false);
      const [item] = await server.messagesOf(run, 1);
      await knock.messages.markAsRead(item.id);
      await server.advance("PT1H");
      await stays("only the feed item", async () => (await channelsOf(run)).join() === "in-app-feed", { ms: 300 });
    });

    it("leaves the author out", async () => {
      const run = await comment("alan", true);
      await stays("no message", async () => (await channelsOf(run)).length === 0, { ms: 300 });
    });

    it("stops waiting runs that are cancelled, and only the recipients named", async () => {
      const { workflow_run_id } = await knock.workflows.trigger("tomorrow", {
        recipients: [{ id: "stay", name: "Stay" }, { id: "leave", name: "Leave" }],
        data: { text: "maybe", id: 1 },
        cancellation_key: "cancel-me",
      });
      await knock.workflows.cancel("tomorrow", { cancellation_key: "cancel-me", recipients: ["leave"] });
      await knock.workflows.cancel("tomorrow", { cancellation_key: "of-nobody" });
      await server.advance("PT48H");
      const messages = await server.messagesOf(workflow_run_id, 1);
      assert.deepEqual(messages.map((message) => message.recipient), ["stay"]);
    });

    it("keeps timers and clock over a kill -9", async () => {
      const { workflow_run_id } = await knock.workflows.trigger("tomorrow", {
        recipients: [{ id: "restarted", name: "Restarted" }],
        data: { text: "still", id: 1 },
      });
      await server.advance("PT12H");
      await server.killAndRestart();
      assert.deepEqual(await channelsOf(workflow_run_id), []);
      await server.advance("PT12H");
      await channelsBecome(workflow_run_id, ["in-app-feed"]);
    });

    it("moves forward only", async () => {
      const answer = await server.request(
        "POST",
        "/v1/admin/clock",
        { to: "2001-01-01T00:00:00Z" },
        { key: server.serviceToken },
      );
      assert.equal(answer.status, 422, JSON.stringify(answer.body));
    });
  });
}

describe("without --virtual-time", () => {
  it("the clock cannot be moved", async () => {
    const server = await startServer({ database: sqlite });
    try {
      const answer = await server.request(
        "POST",
        "/v1/admin/clock",
        { advance: "PT24H" },
        { key: server.serviceToken },
      );
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${JSON.stringify(answer.body)}`);
    } finally {
      await server.stop();
    }
  });
});
