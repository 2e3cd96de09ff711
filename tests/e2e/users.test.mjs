// Users through the official client: identifying, reading, channel data, deleting.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";
import { feedWorkflow } from "./harness/workflows.mjs";

for (const database of databases()) {
  describe(`users on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
      await server.publish("note", feedWorkflow);
    });
    after(() => server?.stop());

    it("identifies a user and gives it back flat, with what is unset as null", async () => {
      const made = await knock.users.update("ada", {
        name: "Ada",
        email: "ada@collab.example",
        plan: "pro",
        address: { city: "Oslo" },
      });
      const got = await knock.users.get("ada");
      assert.deepEqual(got, made);
      const { updated_at, ...rest } = got;
      assert.match(updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}Z$/);
      assert.deepEqual(rest, {
        __typename: "User",
        id: "ada",
        name: "Ada",
        email: "ada@collab.example",
        avatar: null,
        phone_number: null,
        timezone: null,
        created_at: null,
        plan: "pro",
        address: { city: "Oslo" },
      });
    });

    it("merges a second identification into the first", async () => {
      const first = { plan: "free", address: { city: "Oslo", zip: "0150" }, tags: ["a", "b"], meta: { x: { y: 1 } } };
      await knock.users.update("merged", { name: "First", ...first });
      await knock.users.update("merged", { plan: null, address: { zip: "0151" }, tags: ["c"], meta: { x: 5 }, n: {} });
      const { name, plan, address, tags, meta, n } = await knock.users.get("merged");
      assert.deepEqual(
        { name, plan, address, tags, meta, n },
        { name: "First", plan: null, address: { city: "Oslo", zip: "0151" }, tags: ["c"], meta: { x: 5 }, n: {} },
      );
    });

    it("takes ids with any characters", async () => {
      const id = "zoë @ home:1+2%";
      await knock.users.update(id, { name: "Zoë" });
      assert.equal((await knock.users.get(id)).id, id);
    });

    it("answers 404 for an unknown user, in the documented envelope", async () => {
      await assert.rejects(knock.users.get("nobody-ever"), (error) => {
        assert.ok(error instanceof Knock.NotFoundError, String(error));
        assert.equal(error.error.code, "resource_missing");
        assert.equal(error.error.status, 404);
        assert.equal(error.error.type, "api_error");
        return true;
      });
    });

    it("names the field of bad input", async () => {
      await assert.rejects(knock.users.update("bad", { timezone: "Mars/Base" }), (error) => {
        assert.ok(error instanceof Knock.UnprocessableEntityError, String(error));
        assert.equal(error.error.code, "invalid_params");
        assert.deepEqual(error.error.errors.map(({ field }) => field), ["timezone"]);
        return true;
      });
      await assert.rejects(knock.users.get("bad"), Knock.NotFoundError);
    });

    it("lists all users once, page by page, newest first", async () => {
      for (const n of [1, 2, 3, 4, 5]) await knock.users.update(`listed-${n}`, { name: `Listed ${n}` });
      const page = await knock.users.list({ page_size: 2 });
      assert.equal(page.entries.length, 2);
      assert.equal(page.page_info.page_size, 2);
      assert.equal(page.page_info.before, null);
      const ids = [];
      for await (const user of knock.users.list({ page_size: 2 })) ids.push(user.id);
      assert.equal(new Set(ids).size, ids.length, `duplicates in ${ids}`);
      const listed = ids.filter((id) => id.startsWith("listed-"));
      assert.deepEqual(listed, ["listed-5", "listed-4", "listed-3", "listed-2", "listed-1"]);
    });

    it("keeps, replaces and unsets channel data, tokens and devices alike", async () => {
      const push = await server.channelId("push");
      const set = (data) => knock.users.setChannelData("phone", push, { data });
      const none = { locale: null, timezone: null };
      await assert.rejects(knock.users.getChannelData("phone", push), Knock.NotFoundError);

      await set({ tokens: ["t1", "t2", "t1"] });
      const got = await knock.users.getChannelData("phone", push);
      assert.equal(got.__typename, "ChannelData");
      assert.equal(got.channel_id, push);
      assert.equal(got.provider, "push_fcm");
      assert.deepEqual(got.data.tokens, ["t1", "t2"]);
      assert.deepEqual(got.data.devices, [{ token: "t1", ...none }, { token: "t2", ...none }]);

      await set({ devices: [{ token: "t3", locale: "en-US" }] });
      const replaced = await knock.users.getChannelData("phone", push);
      assert.deepEqual(replaced.data.tokens, ["t3"]);
      assert.deepEqual(replaced.data.devices, [{ token: "t3", locale: "en-US", timezone: null }]);

      await knock.users.unsetChannelData("phone", push);
      await assert.rejects(knock.users.getChannelData("phone", push), Knock.NotFoundError);
      await knock.users.unsetChannelData("phone", push);
    });

    it("lists the messages of one user", async () => {
      const { workflow_run_id } = await knock.workflows.trigger("note", {
        recipients: [{ id: "read-1", name: "One" }, { id: "read-2", name: "Two" }],
        data: { text: "hello", id: 1 },
      });
      await server.messagesOf(workflow_run_id, 2);
      const { items, page_info } = await knock.users.listMessages("read-1", { status: ["delivered", "sent"] });
      assert.deepEqual(items.map(({ recipient }) => recipient), ["read-1"]);
      assert.equal(page_info.after, null);
      assert.deepEqual((await knock.users.listMessages("read-1", { status: ["bounced"] })).items, []);
      assert.deepEqual((await knock.users.listMessages("nobody-ever")).items, []);
    });

    it("deletes a user, and again without complaint", async () => {
      await knock.users.update("leaver", { name: "Leaver", plan: "pro" });
      assert.equal(await knock.users.delete("leaver"), null);
      await assert.rejects(knock.users.get("leaver"), Knock.NotFoundError);
      await knock.users.delete("leaver");
      assert.equal((await knock.users.update("leaver", {})).plan, undefined, "nothing is inherited");
    });

    it("survives a kill -9 right after the answer", async () => {
      await knock.users.update("durable", { name: "Durable" });
      await server.killAndRestart();
      assert.equal((await knock.users.get("durable")).name, "Durable");
    });
  });
}
