// Objects through the official client.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";

const webhookStep = {
  ref: "hook_1",
  type: "channel",
  channel_key: "webhook",
  template: { method: "post", url: "https://hooks.collab.example/", body: '{"text":"{{ data.text }}"}' },
};

for (const database of databases()) {
  describe(`objects on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
      await server.publish("hook", { steps: [webhookStep] });
    });
    after(() => server?.stop());

    it("sets and gets an object, its own data under properties", async () => {
      const made = await knock.objects.set("projects", "p1", { name: "Apollo", price: 100, locale: "en-US" });
      const got = await knock.objects.get("projects", "p1");
      assert.deepEqual(got, made);
      const { updated_at, ...rest } = got;
      assert.ok(Date.parse(updated_at) > 0);
      assert.deepEqual(rest, {
        __typename: "Object",
        id: "p1",
        collection: "projects",
        created_at: null,
        properties: { name: "Apollo", price: 100, locale: "en-US" },
      });
      await assert.rejects(knock.objects.get("other", "p1"), Knock.NotFoundError);
    });

    it("merges a second set into the first", async () => {
      await knock.objects.set("projects", "merged", { name: "First", owner: { id: 1, team: "red" } });
      await knock.objects.set("projects", "merged", { owner: { team: "blue" } });
      const { properties } = await knock.objects.get("projects", "merged");
      assert.deepEqual(properties, { name: "First", owner: { id: 1, team: "blue" } });
    });

    it("lists one collection, page by page, newest first", async () => {
      for (const n of [1, 2, 3]) await knock.objects.set("listed", `l${n}`, { n });
      await knock.objects.set("unlisted", "l4", {});
      const page = await knock.objects.list("listed", { page_size: 2 });
      assert.deepEqual(page.entries.map(({ id }) => id), ["l3", "l2"]);
      const ids = [];
      for await (const { id } of knock.objects.list("listed", { page_size: 2 })) ids.push(id);
      assert.deepEqual(ids, ["l3", "l2", "l1"]);
      assert.deepEqual((await knock.objects.list("no-such-collection")).entries, []);
    });

    it("keeps and unsets chat connections, with what is unset as null", async () => {
      const chat = await server.channelId("chat");
      const made = await knock.objects.setChannelData("projects", "chatty", chat, {
        data: { connections: [{ channel_id: "C1", access_token: null }] },
      });
      const got = await knock.objects.getChannelData("projects", "chatty", chat);
      assert.deepEqual(got, made);
      assert.equal(got.provider, "chat_slack");
      assert.deepEqual(got.data, {
        connections: [{ access_token: null, channel_id: "C1", user_id: null, incoming_webhook: null }],
        token: null,
      });
      // The object was made by its channel data, and what was read can be written back.
      assert.deepEqual((await knock.objects.get("projects", "chatty")).properties, {});
      const again = await knock.objects.setChannelData("projects", "chatty", chat, { data: got.data });
      assert.deepEqual(again.data, got.data);
      await knock.objects.unsetChannelData("projects", "chatty", chat);
      await assert.rejects(knock.objects.getChannelData("projects", "chatty", chat), Knock.NotFoundError);
    });

    it("is a recipient, and lists its messages", async () => {
      const { workflow_run_id } = await knock.workflows.trigger("hook", {
        recipients: [{ collection: "projects", id: "notified", name: "Notified" }],
        data: { text: "to an object" },
      });
      const [message] = await server.messagesOf(workflow_run_id, 1);
      assert.deepEqual(message.recipient, { collection: "projects", id: "notified" });
      const { items } = await knock.objects.listMessages("projects", "notified", { source: "hook" });
      assert.deepEqual(items.map(({ id }) => id), [message.id]);
      assert.deepEqual((await knock.objects.listMessages("projects", "notified", { source: "other" })).items, []);
      assert.deepEqual((await knock.objects.listMessages("projects", "unknown")).items, []);
    });

    it("deletes an object, and again without complaint", async () => {
      await knock.objects.set("projects", "gone", { name: "Gone" });
      assert.equal(await knock.objects.delete("projects", "gone"), null);
      await assert.rejects(knock.objects.get("projects", "gone"), Knock.NotFoundError);
      await knock.objects.delete("projects", "gone");
    });
  });
}
