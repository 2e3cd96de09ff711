// Users, objects and tenants through the official client.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";

for (const database of databases()) {
  describe(`recipients on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
    });
    after(() => server?.stop());

    it("identifies a user and gives it back with its properties", async () => {
      const made = await knock.users.update("ada", { name: "Ada", email: "ada@collab.example", plan: "pro" });
      assert.equal(made.__typename, "User");
      assert.equal(made.id, "ada");
      const got = await knock.users.get("ada");
      assert.equal(got.name, "Ada");
      assert.equal(got.email, "ada@collab.example");
      assert.equal(got.plan, "pro");
      assert.match(got.updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    });

    it("merges a second identification into the first", async () => {
      await knock.users.update("merged", { name: "First", seats: 5 });
      const got = await knock.users.update("merged", { name: "Second" });
      assert.equal(got.name, "Second");
      assert.equal(got.seats, 5);
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

    it("deletes a user, and again without complaint", async () => {
      await knock.users.update("leaver", { name: "Leaver" });
      await knock.users.delete("leaver");
      await assert.rejects(knock.users.get("leaver"), Knock.NotFoundError);
      await knock.users.delete("leaver");
    });

    it("sets and gets an object, its own data under properties", async () => {
      const made = await knock.objects.set("projects", "p1", { name: "Apollo", deadline: "2026-07-01" });
      assert.equal(made.__typename, "Object");
      const got = await knock.objects.get("projects", "p1");
      assert.equal(got.id, "p1");
      assert.equal(got.collection, "projects");
      assert.equal(got.properties.name, "Apollo");
      assert.equal(got.properties.deadline, "2026-07-01");
      await assert.rejects(knock.objects.get("other", "p1"), Knock.NotFoundError);
    });

    it("sets and gets a tenant with branding", async () => {
      const settings = { branding: { primary_color: "#112233" } };
      const made = await knock.tenants.set("acme", { name: "Acme", settings, tier: "gold" });
      assert.equal(made.__typename, "Tenant");
      const got = await knock.tenants.get("acme");
      assert.equal(got.id, "acme");
      assert.equal(got.name, "Acme");
      assert.equal(got.settings.branding.primary_color, "#112233");
    });

    it("keeps channel data, and normalises tokens to devices", async () => {
      const push = await server.channelId("push");
      await knock.users.setChannelData("ada", push, { data: { tokens: ["t1", "t2", "t1"] } });
      const got = await knock.users.getChannelData("ada", push);
      assert.equal(got.channel_id, push);
      assert.deepEqual(got.data.tokens, ["t1", "t2"]);
      assert.deepEqual(
        got.data.devices.map((device) => device.token),
        ["t1", "t2"],
      );
    });

    it("survives a kill -9 right after the answer", async () => {
      await knock.users.update("durable", { name: "Durable" });
      await server.killAndRestart();
      assert.equal((await knock.users.get("durable")).name, "Durable");
    });
  });
}
