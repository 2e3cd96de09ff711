// Guides through the official client: who is shown what, and what engagement does.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";

const fresh = { id: null, seen_at: null, read_at: null, interacted_at: null, archived_at: null, link_clicked_at: null };

for (const database of databases()) {
  describe(`guides on ${database.name}`, () => {
    let server;
    let knock;
    let channel;
    let semver;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
      const { entries } = await server.manage("GET", "/v1/channels");
      channel = entries.find(({ type }) => type === "in_app_guide");
      await server.manage("PUT", "/v1/message_types/changelog?environment=development&commit=true", {
        message_type: {
          name: "Changelog",
          preview: "<p>{{ title }}</p>",
          variants: [
            {
              key: "default",
              name: "Default",
              fields: [
                { type: "text", key: "title", label: "Title", settings: { required: true } },
                { type: "boolean", key: "dismissible", label: "Dismissible" },
              ],
            },
          ],
        },
      });
      ({ semver } = await server.manage("GET", "/v1/message_types/changelog?environment=development"));
      await publish("welcome", {});
      await publish("for-pro", {
        target_property_conditions: { all: [{ variable: "recipient.plan", operator: "equal_to", argument: "pro" }] },
      });
      await publish("sleeping", {}, false);
    });
    after(() => server?.stop());

    async function publish(key, rest, status = true) {
      const step = {
        ref: "step_1",
        name: "Step",
        schema_key: "changelog",
        schema_semver: semver,
        schema_variant_key: "default",
        values: { title: "Hi {{ recipient.name }}", dismissible: true },
      };
      await server.manage("PUT", `/v1/guides/${key}?environment=development&commit=true`, {
        guide: { name: key, channel_key: channel.key, steps: [step], ...rest },
      });
      await server.manage("PUT", `/v1/guides/${key}/activate?environment=development`, { status });
    }
    const list = (user, query) => knock.users.guides.getChannel(user, channel.id, query);
    const welcomeOf = async (user) => (await list(user)).entries.find(({ key }) => key === "welcome");
    async function engagement(user) {
      const { id } = await welcomeOf(user);
      return { channel_id: channel.id, guide_id: id, guide_key: "welcome", guide_step_ref: "step_1" };
    }

    it("shows a user the guides meant for it, rendered, and says why not the others", async () => {
      await knock.users.update("free", { name: "Fred", plan: "free" });
      const { entries, guide_groups, guide_group_display_logs, ineligible_guides } = await list("free");
      assert.deepEqual(entries.map(({ key }) => key), ["welcome"]);
      const [guide] = entries;
      assert.equal(guide.__typename, "Guide");
      assert.deepEqual([guide.type, guide.active, guide.channel_id], ["changelog", true, channel.id]);
      assert.deepEqual(guide.activation_url_patterns, []);
      const [step] = guide.steps;
      assert.deepEqual(step.content, { title: "Hi Fred", dismissible: true });
      assert.deepEqual([step.schema_key, step.schema_variant_key], ["changelog", "default"]);
      assert.deepEqual(step.message, fresh);
      assert.deepEqual(
        ineligible_guides.map(({ key, reason }) => [key, reason]).sort(),
        [["for-pro", "target_conditions_not_met"], ["sleeping", "guide_not_active"]],
      );
      assert.deepEqual(guide_groups.map(({ key }) => key), ["default"]);
      assert.deepEqual([...guide_groups[0].display_sequence].sort(), ["for-pro", "sleeping", "welcome"]);
      assert.deepEqual(guide_group_display_logs, {});
      assert.deepEqual((await knock.users.listMessages("free")).items, [], "looking makes no message");

      await knock.users.update("pro", { name: "Petra", plan: "pro" });
      const keys = (await list("pro", { type: "changelog" })).entries.map(({ key }) => key);
      assert.deepEqual(keys.sort(), ["for-pro", "welcome"]);
      assert.deepEqual((await list("pro", { type: "other" })).entries, []);
    });

    it("records seen and interacted on one message", async () => {
      const body = await engagement("engaged");
      const seen = await knock.users.guides.markMessageAsSeen("engaged", { ...body, content: { title: "Hi" } });
      assert.deepEqual(seen, { status: "ok" });
      const { message } = (await welcomeOf("engaged")).steps[0];
      assert.ok(message.id && message.seen_at, JSON.stringify(message));
      assert.equal(message.interacted_at, null);

      await knock.users.guides.markMessageAsInteracted("engaged", { ...body, metadata: { button: "more" } });
      const after = (await welcomeOf("engaged")).steps[0].message;
      assert.equal(after.id, message.id);
      assert.ok(after.interacted_at && after.read_at, JSON.stringify(after));
      const stored = await knock.messages.get(message.id);
      assert.deepEqual(
        [stored.channel.type, stored.source.type, stored.source.key, stored.status],
        ["in_app_guide", "guide", "welcome", "delivered"],
      );
      assert.deepEqual(stored.engagement_statuses, ["seen", "read", "interacted"]);
      const event = (await knock.messages.listEvents(message.id)).items.find(({ type }) => type === "message.interacted");
      assert.deepEqual(event.data, { button: "more" });
    });

    it("hides an archived guide until it is taken back", async () => {
      await knock.users.guides.markMessageAsArchived("archiver", await engagement("archiver"));
      const { entries, ineligible_guides, guide_group_display_logs } = await list("archiver");
      assert.deepEqual(entries, []);
      const reason = ineligible_guides.find(({ key }) => key === "welcome").reason;
      assert.equal(reason, "marked_as_archived");
      assert.ok(Date.parse(guide_group_display_logs.default) > 0, "a throttled guide starts the interval");
      await knock.users.guides.unarchiveGuideMessage("archiver", { guide_key: "welcome" });
      assert.equal((await welcomeOf("archiver")).steps[0].message.archived_at, null);
    });

    it("forgets engagement on a reset, and keeps the old message", async () => {
      const body = { ...(await engagement("forgetful")), content: { title: "Hi" } };
      await knock.users.guides.markMessageAsSeen("forgetful", body);
      const { id } = (await welcomeOf("forgetful")).steps[0].message;
      await knock.users.guides.resetGuideEngagements("forgetful", { guide_key: "welcome" });
      assert.deepEqual((await welcomeOf("forgetful")).steps[0].message, fresh);
      assert.equal((await knock.messages.get(id)).id, id);
      await knock.users.guides.markMessageAsSeen("forgetful", body);
      assert.notEqual((await welcomeOf("forgetful")).steps[0].message.id, id);
    });

    it("refuses a guide, a step and a channel that are not there", async () => {
      const body = { ...(await engagement("free")), content: {} };
      const seen = (rest) => knock.users.guides.markMessageAsSeen("free", { ...body, ...rest });
      await assert.rejects(seen({ guide_key: "no-such" }), Knock.NotFoundError);
      await assert.rejects(seen({ guide_step_ref: "no-such" }), Knock.UnprocessableEntityError);
      const feed = await server.channelId("in-app-feed");
      await assert.rejects(knock.users.guides.getChannel("free", feed), (error) => {
        assert.equal(error.status, 422);
        assert.equal(error.error.code, "channel_invalid");
        return true;
      });
    });
  });
}
