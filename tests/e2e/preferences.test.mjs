// Preferences through the official client: the sets of users, objects and tenants, and what they do to a run.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { stays } from "./harness/poll.mjs";
import { startServer } from "./harness/server.mjs";
import { feedWorkflow } from "./harness/workflows.mjs";

const unset = {
  categories: null,
  channel_types: null,
  channels: null,
  workflows: null,
  commercial_subscribed: null,
};
/** A set as the server shows it: every section is there. */
const set = (id, sections) => ({ id, ...unset, ...sections });
const bare = ({ __typename, ...rest }) => rest;

for (const database of databases()) {
  describe(`preferences on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
      await server.publish("note", { ...feedWorkflow, categories: ["collaboration"] });
      await server.publish("rare", feedWorkflow);
    });
    after(() => server?.stop());

    it("shows the defaults of anybody, also of a stranger", async () => {
      assert.deepEqual(bare(await knock.users.getPreferences("stranger", "default")), set("default", {}));
      assert.deepEqual(bare(await knock.objects.getPreferences("teams", "stranger", "default")), set("default", {}));
      await assert.rejects(knock.users.get("stranger"), Knock.NotFoundError);
    });

    it("replaces a set, merges on request, and keeps the commercial opt-out", async () => {
      const categories = { col: { channel_types: { email: true, in_app_feed: true } } };
      const put = async (body) => bare(await knock.users.setPreferences("writer", "default", body));
      const first = await put({ categories, commercial_subscribed: false });
      assert.deepEqual(first, set("default", { categories, commercial_subscribed: false }));

      const narrow = { categories: { col: { channel_types: { email: false } } } };
      const merged = await put({ __persistence_strategy__: "merge", ...narrow });
      assert.deepEqual(merged.categories, { col: { channel_types: { email: false, in_app_feed: true } } });

      const replaced = await put(narrow);
      assert.deepEqual(replaced, set("default", { ...narrow, commercial_subscribed: false }));
      assert.deepEqual(bare(await knock.users.getPreferences("writer", "default")), replaced);

      assert.equal((await put({ commercial_subscribed: null })).commercial_subscribed, null);
      assert.equal((await knock.users.get("writer")).id, "writer", "writing makes the user");
    });

    it("names what is wrong with a set, all of it, and stores nothing", async () => {
      const wrong = { channel_types: { webhook: true }, channels: { "no-uuid": true }, workflows: { note: "yes" } };
      await assert.rejects(knock.users.setPreferences("wrong", "default", wrong), (error) => {
        assert.ok(error instanceof Knock.UnprocessableEntityError, String(error));
        const fields = error.error.errors.map(({ field }) => field).sort();
        assert.deepEqual(fields, ["channel_types.webhook", "channels.no-uuid", "workflows.note"]);
        return true;
      });
      await assert.rejects(knock.users.get("wrong"), Knock.NotFoundError);
    });

    it("lists the default set first, then the others, and unsets them", async () => {
      await knock.users.setPreferences("lister", "zeta", { workflows: { note: false } });
      await knock.users.setPreferences("lister", "acme", { channel_types: { sms: false } });
      const list = async () => (await knock.users.listPreferences("lister")).map(bare);
      const acme = set("acme", { channel_types: { sms: false } });
      const zeta = set("zeta", { workflows: { note: false } });
      assert.deepEqual(await list(), [set("default", {}), acme, zeta]);
      assert.equal(await knock.users.unsetPreferences("lister", "acme"), null);
      await knock.users.unsetPreferences("lister", "acme");
      assert.deepEqual(await list(), [set("default", {}), zeta]);
    });

    it("includes the stored sets in a list of users on request", async () => {
      await knock.users.update("included", { preferences: { default: { channel_types: { push: false } } } });
      const { entries } = await knock.users.list({ include: ["preferences"] });
      const { preferences } = entries.find(({ id }) => id === "included");
      assert.deepEqual(Object.keys(preferences), ["default"]);
      assert.deepEqual(preferences.default.channel_types, { push: false });
      assert.equal((await knock.users.get("included")).preferences, undefined);
    });

    it("includes them in a list of subscriptions on request", async () => {
      const preferences = { default: { channel_types: { sms: false } } };
      await knock.objects.addSubscriptions("teams", "included", { recipients: [{ id: "subscriber", preferences }] });
      const { entries } = await knock.objects.listSubscriptions("teams", "included", { include: ["preferences"] });
      assert.deepEqual(entries[0].recipient.preferences.default.channel_types, { sms: false });
    });

    it("sets those of many users at once, also of new ones", async () => {
      await knock.users.setPreferences("bulk-1", "default", { categories: { a: false }, commercial_subscribed: false });
      const accepted = await knock.users.bulk.setPreferences({
        preferences: { channel_types: { email: false } },
        user_ids: ["bulk-1", "bulk-2"],
      });
      assert.equal(accepted.name, "users.set_preferences");
      const { status, success_count, error_count } = await server.bulkEnd(accepted);
      assert.deepEqual({ status, success_count, error_count }, { status: "completed", success_count: 2, error_count: 0 });
      const { channel_types, categories, commercial_subscribed } = await knock.users.getPreferences("bulk-1", "default");
      assert.deepEqual(channel_types, { email: false });
      assert.equal(categories, null, "a bulk write replaces");
      assert.equal(commercial_subscribed, false, "but keeps the opt-out");
      assert.deepEqual((await knock.users.getPreferences("bulk-2", "default")).channel_types, { email: false });
      assert.equal((await knock.users.get("bulk-2")).id, "bulk-2");
    });

    it("keeps the sets of objects", async () => {
      const put = { channel_types: { chat: false } };
      const made = await knock.objects.setPreferences("teams", "red", "default", put);
      assert.deepEqual(bare(made), set("default", put));
      assert.deepEqual(await knock.objects.getPreferences("teams", "red", "default"), made);
      await knock.objects.setPreferences("teams", "red", "acme", { workflows: { note: true } });
      const ids = (await knock.objects.listPreferences("teams", "red")).map(({ id }) => id);
      assert.deepEqual(ids, ["default", "acme"]);
      await knock.objects.unsetPreferences("teams", "red", "default");
      assert.deepEqual(bare(await knock.objects.getPreferences("teams", "red", "default")), set("default", {}));
    });

    it("resolves the tenant's set over the recipient's reading", async () => {
      const category = (email, strategy) => ({ ...strategy, channel_types: { email } });
      await knock.tenants.set("strict", {
        settings: {
          preference_set: {
            categories: { a: category(false, { __strategy__: "replace" }), p: category(false) },
          },
        },
      });
      await knock.users.setPreferences("member", "strict", {
        categories: { a: category(true), p: category(true) },
      });
      const { id, categories } = await knock.users.getPreferences("member", "strict");
      assert.equal(id, "strict");
      assert.deepEqual(categories, { a: category(false, { __strategy__: "replace" }), p: category(true) });
      const other = await knock.users.getPreferences("other", "default", { tenant: "strict" });
      assert.deepEqual(other.categories.p, category(false));
      const { settings } = await knock.tenants.get("strict", { resolve_full_preference_settings: true });
      assert.deepEqual(settings.preference_set.categories.p, category(false));
    });

    it("blocks and sends as the sets say", async () => {
      const runs = async (recipient, workflow, rest = {}) => {
        const { workflow_run_id } = await knock.workflows.trigger(workflow, {
          recipients: [recipient],
          data: { text: "x", id: 1 },
          ...rest,
        });
        return workflow_run_id;
      };
      const silent = (run) =>
        stays("no message", async () => (await knock.messages.list({ workflow_run_id: run })).items.length === 0, {
          ms: 300,
        });
      const out = { id: "out", name: "Out", preferences: { default: { categories: { collaboration: false } } } };
      await silent(await runs(out, "note"));
      await server.messagesOf(await runs("out", "rare"), 1);
      // A default set of the tenant takes the place of the user's own.
      await knock.tenants.set("loud", { settings: { preference_set: { categories: { collaboration: true } } } });
      await server.messagesOf(await runs("out", "note", { tenant: "loud" }), 1);
      await knock.users.setPreferences("out", "loud", { workflows: { note: false } });
      await silent(await runs("out", "note", { tenant: "loud" }));
    });

    it("tells a custom preference center what to show, and signs links to the hosted one", async () => {
      await knock.users.update("centered", { name: "Centered", email: "centered@collab.example" });
      const center = await knock.users.preferenceCenter.getConfig("centered");
      assert.equal(center.user_email, "centered@collab.example");
      assert.equal(typeof center.enabled, "boolean");
      assert.equal(center.knock_branding_required, false);
      assert.ok(center.config.title && center.config.body);
      assert.deepEqual(center.config.rows.map(({ type }) => type), ["commercial_subscribed"]);
      const { token, url } = await knock.users.preferenceCenter.generateSignedURL("centered");
      assert.equal(token.split(".").length, 3, "a JWT");
      assert.ok(url.endsWith(`/p/${token}`), url);
      await assert.rejects(knock.users.preferenceCenter.generateSignedURL("never-made"), Knock.NotFoundError);
    });
  });
}
