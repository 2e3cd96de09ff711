// Messages and the feed, read and marked through the official client.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";
import { feedWorkflow } from "./harness/workflows.mjs";

for (const database of databases()) {
  describe(`messages on ${database.name}`, () => {
    let server;
    let knock;
    let feed;
    let reader;
    let runs = 0;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
      await server.publish("note", feedWorkflow);
      await server.publish("other-note", { ...feedWorkflow, categories: ["rare"] });
      await knock.users.update("alan", { name: "Alan" });
      feed = await server.channelId("in-app-feed");
    });
    after(() => server?.stop());
    // A reader with an empty feed for every test.
    beforeEach(() => {
      runs += 1;
      reader = `reader-${runs}`;
    });

    async function send(text, { workflow = "note", ...rest } = {}) {
      const { workflow_run_id } = await knock.workflows.trigger(workflow, {
        recipients: [{ id: reader, name: "Reader" }],
        actor: "alan",
        data: { text, id: 7 },
        ...rest,
      });
      const [message] = await server.messagesOf(workflow_run_id, 1);
      return message;
    }
    const idsOf = async (query) => (await knock.messages.list(query)).items.map((message) => message.id);

    it("shows one message whole", async () => {
      const message = await knock.messages.get((await send("whole")).id);
      assert.equal(message.__typename, "Message");
      assert.match(message.id, /^[0-9A-Za-z]{27}$/);
      assert.equal(message.status, "delivered");
      assert.deepEqual(message.engagement_statuses, []);
      assert.equal(message.channel_id, feed);
      assert.equal(message.channel.type, "in_app_feed");
      assert.equal(message.source.key, "note");
      assert.equal(message.workflow, "note");
      assert.equal(message.read_at, null);
      assert.equal(message.data.text, "whole");
    });

    it("tells its events, content, delivery logs and activities", async () => {
      const { id } = await send("told");
      const events = (await knock.messages.listEvents(id)).items.map((event) => event.type);
      assert.deepEqual(events.sort(), ["message.created", "message.delivered", "message.queued"]);
      const content = await knock.messages.getContent(id);
      assert.equal(content.message_id, id);
      assert.equal(content.data.__typename, "MessageInAppFeedContent");
      assert.deepEqual(content.data.blocks.map((block) => block.name), ["body", "action_url"]);
      assert.equal(content.data.blocks[1].rendered, "https://collab.example/d/7");
      assert.deepEqual((await knock.messages.listDeliveryLogs(id)).items, []);
      const activities = (await knock.messages.listActivities(id)).items;
      assert.equal(activities.length, 1);
      assert.equal(activities[0].data.text, "told");
      assert.equal(activities[0].actor.id, "alan");
      assert.equal(activities[0].recipient.id, reader);
    });

    it("lists by every filter", async () => {
      const plain = await send("plain");
      const tenanted = await send("tenanted", { tenant: "acme" });
      const rare = await send("rare", { workflow: "other-note" });
      await knock.messages.markAsRead(plain.id);
      const mine = { message_ids: [plain.id, tenanted.id, rare.id] };
      const cases = [
        [{}, [rare.id, tenanted.id, plain.id]],
        [{ tenant: "acme" }, [tenanted.id]],
        [{ source: "other-note" }, [rare.id]],
        [{ workflow_categories: ["rare"] }, [rare.id]],
        [{ engagement_status: ["read"] }, [plain.id]],
        [{ engagement_status: ["unread"] }, [rare.id, tenanted.id]],
        [{ status: ["delivered"], channel_id: feed }, [rare.id, tenanted.id, plain.id]],
        [{ status: ["bounced"] }, []],
        [{ trigger_data: JSON.stringify({ text: "plain" }) }, [plain.id]],
        [{ workflow_run_id: rare.source.workflow_run_id }, [rare.id]],
      ];
      for (const [filter, want] of cases) {
        assert.deepEqual(await idsOf({ ...mine, ...filter }), want, JSON.stringify(filter));
      }
      const ofReader = await knock.users.listMessages(reader);
      assert.deepEqual(ofReader.items.map((message) => message.id), [rare.id, tenanted.id, plain.id]);
      const paged = [];
      for await (const message of knock.users.listMessages(reader, { page_size: 1 })) paged.push(message.id);
      assert.deepEqual(paged, [rare.id, tenanted.id, plain.id]);
    });

    it("marks and unmarks, one thing at a time", async () => {
      const { id } = await send("marked");
      assert.deepEqual((await knock.messages.markAsSeen(id)).engagement_statuses, ["seen"]);
      assert.deepEqual((await knock.messages.markAsRead(id)).engagement_statuses, ["seen", "read"]);
      assert.deepEqual((await knock.messages.archive(id)).engagement_statuses, ["seen", "read", "archived"]);
      assert.deepEqual((await knock.messages.unarchive(id)).engagement_statuses, ["seen", "read"]);
      assert.deepEqual((await knock.messages.markAsUnread(id)).engagement_statuses, ["seen"]);
      assert.deepEqual((await knock.messages.markAsUnseen(id)).engagement_statuses, []);
      const interacted = await knock.messages.markAsInteracted(id, { metadata: { button: "open" } });
      assert.deepEqual(interacted.engagement_statuses, ["read", "interacted"]);
      assert.equal(interacted.read_at, interacted.interacted_at);
      const event = (await knock.messages.listEvents(id)).items.find((one) => one.type === "message.interacted");
      assert.equal(event.data.button, "open");
    });

    it("marks many at once, in the order asked for", async () => {
      const { batch } = knock.messages;
      // Each with new messages, since a message takes one batch update a second.
      const cases = [
        [batch.markAsSeen, [], ["seen"]],
        [batch.markAsUnseen, ["markAsSeen"], []],
        [batch.markAsRead, [], ["read"]],
        [batch.markAsUnread, ["markAsRead"], []],
        [batch.archive, [], ["archived"]],
        [batch.unarchive, ["archive"], []],
        [batch.markAsInteracted, [], ["read", "interacted"]],
      ];
      for (const [mark, before, want] of cases) {
        const [first, second] = [await send("first"), await send("second")];
        for (const { id } of [first, second]) for (const single of before) await knock.messages[single](id);
        const marked = await mark.call(batch, { message_ids: [second.id, "2FVHPWxRqNuXQ9krvNP5A6Z4qXe", first.id] });
        assert.deepEqual(marked.map(({ id }) => id), [second.id, first.id], "unknown ids are left out");
        for (const { engagement_statuses } of marked) assert.deepEqual(engagement_statuses, want);
        assert.deepEqual((await knock.messages.get(first.id)).engagement_statuses, want);
      }
    });

    it("records the metadata of many interactions, and refuses too much of it", async () => {
      const { id } = await send("interacted");
      await knock.messages.batch.markAsInteracted({ message_ids: [id], metadata: { button: "open" } });
      const event = (await knock.messages.listEvents(id)).items.find((one) => one.type === "message.interacted");
      assert.deepEqual(event.data, { button: "open" });
      const six = Object.fromEntries("abcdef".split("").map((key) => [key, 1]));
      await assert.rejects(
        knock.messages.batch.markAsInteracted({ message_ids: [id], metadata: six }),
        Knock.UnprocessableEntityError,
      );
    });

    it("reads many contents at once, in the order asked for", async () => {
      const [first, second] = [await send("first"), await send("second")];
      const contents = await knock.messages.batch.getContent({ message_ids: [second.id, first.id] });
      assert.deepEqual(contents.map(({ message_id }) => message_id), [second.id, first.id]);
      assert.match(contents[0].data.blocks[0].rendered, /second/);
      assert.deepEqual(contents[1], await knock.messages.getContent(first.id));
    });

    it("tells the feed component its settings", async () => {
      const settings = await knock.users.feeds.getSettings(reader, feed);
      assert.deepEqual(settings, { features: { branding_required: false } });
    });

    it("shows the feed with its badge, newest first", async () => {
      const [one, two, three] = [await send("one"), await send("two"), await send("three")];
      const page = await knock.users.feeds.listItems(reader, feed, { page_size: 2 });
      assert.deepEqual(page.entries.map((item) => item.id), [three.id, two.id]);
      const all = [];
      for await (const item of knock.users.feeds.listItems(reader, feed, { page_size: 2 })) all.push(item.id);
      assert.deepEqual(all, [three.id, two.id, one.id]);
      assert.equal(page.entries[0].blocks[0].rendered.trim(), "<p><strong>Alan</strong> wrote to Reader: three</p>");
      assert.equal(page.entries[0].actors[0].id, "alan");

      const badge = async (query = "") => {
        const { body } = await server.request("GET", `/v1/users/${reader}/feeds/${feed}?mode=compact${query}`);
        const { total_count, unread_count, unseen_count } = body.meta;
        return [total_count, unread_count, unseen_count];
      };
      assert.deepEqual(await badge(), [3, 3, 3]);
      await knock.messages.markAsRead(one.id);
      await knock.messages.markAsSeen(two.id);
      assert.deepEqual(await badge(), [3, 2, 2]);
      assert.deepEqual(await badge("&status=read"), [1, 2, 2]);
      await knock.messages.archive(three.id);
      assert.deepEqual(await badge(), [2, 1, 1]);
      assert.deepEqual(await badge("&archived=only"), [1, 1, 1]);
      assert.deepEqual(await badge("&archived=include"), [3, 2, 2]);
    });

    it("answers an unknown user's feed with an empty one", async () => {
      const page = await knock.users.feeds.listItems("never-seen", feed);
      assert.deepEqual(page.entries, []);
    });
  });
}
