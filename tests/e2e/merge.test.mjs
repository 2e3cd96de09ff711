// Merging one user into another: what moves, what the primary keeps, what is dropped.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";
import { feedWorkflow } from "./harness/workflows.mjs";

for (const database of databases()) {
  describe(`merging users on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
      await server.publish("note", feedWorkflow);
    });
    after(() => server?.stop());

    it("fills the gaps of the primary, moves the messages, and deletes the secondary", async () => {
      const push = await server.channelId("push");
      const chat = await server.channelId("chat");
      const connections = [{ access_token: "xoxb-secondary", user_id: "U1" }];
      await knock.users.update("primary", {
        name: "Ada",
        plan: "pro",
        meta: { a: 1, b: null },
        channel_data: { [push]: { tokens: ["p"] } },
      });
      await knock.users.update("secondary", {
        name: "G",
        email: "a@x.example",
        plan: "free",
        meta: { b: 2, c: 3 },
        ref: "mail",
        channel_data: { [push]: { tokens: ["s"] }, [chat]: { connections } },
      });
      const { workflow_run_id } = await knock.workflows.trigger("note", {
        recipients: ["secondary"],
        data: { text: "mine soon", id: 1 },
      });
      const [message] = await server.messagesOf(workflow_run_id, 1);

      const merged = await knock.users.merge("primary", { from_user_id: "secondary" });
      const { name, email, plan, meta, ref } = merged;
      assert.deepEqual(
        { name, email, plan, meta, ref },
        { name: "Ada", email: "a@x.example", plan: "pro", meta: { a: 1, b: null, c: 3 }, ref: "mail" },
      );
      assert.deepEqual(await knock.users.get("primary"), merged);
      assert.deepEqual((await knock.users.getChannelData("primary", push)).data.tokens, ["p"]);
      assert.equal((await knock.users.getChannelData("primary", chat)).data.connections[0].user_id, "U1");
      assert.deepEqual((await knock.users.listMessages("primary")).items.map(({ id }) => id), [message.id]);
      await assert.rejects(knock.users.get("secondary"), Knock.NotFoundError);
      await assert.rejects(knock.users.merge("primary", { from_user_id: "secondary" }), Knock.NotFoundError);
      await assert.rejects(
        knock.users.merge("primary", { from_user_id: "primary" }),
        Knock.UnprocessableEntityError,
      );
    });
  });
}
