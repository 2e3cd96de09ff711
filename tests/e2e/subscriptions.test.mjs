// Subscriptions through the official client: who follows an object, and who hears of it.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";
import { feedStep, feedWorkflow } from "./harness/workflows.mjs";

for (const database of databases()) {
  describe(`subscriptions on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
      await server.publish("note", feedWorkflow);
      const markdown_body = "{{ recipient.subscription.role }} of {{ recipient.subscription.object.name }}";
      await server.publish("role", { steps: [{ ...feedStep, template: { markdown_body } }] });
      for (const id of ["u1", "u2", "u3"]) await knock.users.update(id, { name: id.toUpperCase() });
    });
    after(() => server?.stop());

    const team = (id) => ({ collection: "teams", id });
    const recipientsOf = ({ entries }) => entries.map(({ recipient }) => recipient.id);

    it("adds in the order asked for, makes who is missing, and answers whole subscriptions", async () => {
      await knock.objects.set("teams", "red", { name: "Red" });
      const made = await knock.objects.addSubscriptions("teams", "red", {
        recipients: ["u2", { id: "new", name: "New" }, { ...team("nested"), name: "Nested" }],
        properties: { role: "editor" },
      });
      assert.deepEqual(made.map(({ recipient }) => recipient.id), ["u2", "new", "nested"]);
      const [first, second, third] = made;
      assert.equal(first.__typename, "Subscription");
      assert.deepEqual(first.properties, { role: "editor" });
      assert.deepEqual([first.object.id, first.object.collection, first.object.properties.name], ["red", "teams", "Red"]);
      assert.deepEqual([second.recipient.__typename, second.recipient.name], ["User", "New"]);
      assert.deepEqual([third.recipient.__typename, third.recipient.collection], ["Object", "teams"]);
      assert.equal((await knock.users.get("new")).name, "New");
    });

    it("keeps the properties of a second subscription without any, replaces them with new ones", async () => {
      const add = async (body) => (await knock.objects.addSubscriptions("teams", "again", body))[0];
      const first = await add({ recipients: ["u1"], properties: { role: "owner", since: 1 } });
      const second = await add({ recipients: ["u1"] });
      assert.deepEqual(second.properties, { role: "owner", since: 1 });
      assert.equal(second.inserted_at, first.inserted_at);
      assert.deepEqual((await add({ recipients: ["u1"], properties: { role: "guest" } })).properties, { role: "guest" });
      assert.deepEqual(recipientsOf(await knock.objects.listSubscriptions("teams", "again")), ["u1"]);
    });

    it("refuses a stranger, nobody, and too many, and writes nothing", async () => {
      const add = (recipients) => knock.objects.addSubscriptions("teams", "closed", { recipients });
      await assert.rejects(add(["u1", "stranger"]), (error) => {
        assert.ok(error instanceof Knock.UnprocessableEntityError, String(error));
        assert.deepEqual(error.error.errors.map(({ field }) => field), ["recipients[1]"]);
        return true;
      });
      await assert.rejects(add([]), Knock.UnprocessableEntityError);
      await assert.rejects(add(Array.from({ length: 101 }, () => "u1")), Knock.UnprocessableEntityError);
      await assert.rejects(add([team("closed")]), Knock.UnprocessableEntityError);
      await assert.rejects(knock.objects.get("teams", "closed"), Knock.NotFoundError);
    });

    it("lists both ways, filtered and page by page", async () => {
      for (const id of ["u1", "u2", "u3"]) {
        await knock.objects.addSubscriptions("teams", "blue", { recipients: [id] });
      }
      await knock.objects.addSubscriptions("teams", "green", { recipients: ["u3", { ...team("blue"), name: "Blue" }] });
      const blue = (query) => knock.objects.listSubscriptions("teams", "blue", query);
      const all = [];
      for await (const { recipient } of blue({ page_size: 2 })) all.push(recipient.id);
      assert.deepEqual(all.sort(), ["u1", "u2", "u3"]);
      assert.deepEqual(recipientsOf(await blue({ recipients: ["u2"] })), ["u2"]);
      assert.deepEqual(recipientsOf(await blue({ recipients: [team("none"), "u1"] })), ["u1"]);
      const followed = await blue({ mode: "recipient" });
      assert.deepEqual(followed.entries.map(({ object }) => object.id), ["green"]);
      const none = await blue({ mode: "recipient", objects: [team("red")] });
      assert.deepEqual(none.entries, []);

      const mine = async (query) =>
        (await knock.users.listSubscriptions("u3", query)).entries.map(({ object }) => object.id);
      assert.deepEqual(await mine(), ["green", "blue"]);
      assert.deepEqual(await mine({ objects: [team("blue")] }), ["blue"]);
    });

    it("removes who is named, and answers who was there", async () => {
      await knock.objects.addSubscriptions("teams", "small", { recipients: ["u1", "u2"] });
      const removed = await knock.objects.deleteSubscriptions("teams", "small", { recipients: ["u2", "u3"] });
      assert.deepEqual(removed.map(({ recipient }) => recipient.id), ["u2"]);
      assert.deepEqual(recipientsOf(await knock.objects.listSubscriptions("teams", "small")), ["u1"]);
    });

    it("tells every subscriber once, two levels down, but not the actor", async () => {
      const org = { collection: "orgs", id: "org", name: "Org" };
      await knock.objects.set("orgs", "org", { name: "Org" });
      await knock.objects.set("teams", "crew", { name: "Crew" });
      await knock.objects.addSubscriptions("teams", "crew", { recipients: ["u1", "u2"] });
      await knock.objects.addSubscriptions("orgs", "org", { recipients: [team("crew"), "u1"] });
      const { workflow_run_id } = await knock.workflows.trigger("note", {
        recipients: [org, "u2"],
        actor: "u1",
        data: { text: "all hands", id: 1 },
      });
      const messages = await server.messagesOf(workflow_run_id, 1);
      // Feeds are for users alone, so the two objects run without a message.
      assert.deepEqual(messages.map(({ recipient }) => recipient), ["u2"]);
    });

    it("gives templates the subscription", async () => {
      await knock.objects.set("docs", "d1", { name: "The plan" });
      await knock.objects.addSubscriptions("docs", "d1", { recipients: ["u3"], properties: { role: "Reader" } });
      const { workflow_run_id } = await knock.workflows.trigger("role", { recipients: [{ collection: "docs", id: "d1" }] });
      const [message] = await server.messagesOf(workflow_run_id, 1);
      const { data } = await knock.messages.getContent(message.id);
      assert.equal(data.blocks[0].rendered.trim(), "<p>Reader of The plan</p>");
    });
  });
}
