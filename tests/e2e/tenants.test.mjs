// Tenants through the official client.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";

for (const database of databases()) {
  describe(`tenants on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
    });
    after(() => server?.stop());

    it("sets a tenant, merges its branding, and gives it back flat", async () => {
      await knock.tenants.set("acme", {
        name: "Acme",
        tier: "gold",
        settings: { branding: { primary_color: "#33FF5B" } },
      });
      const second = await knock.tenants.set("acme", { settings: { branding: { logo_url: "https://acme.example/l" } } });
      const got = await knock.tenants.get("acme");
      assert.deepEqual(got, second);
      assert.equal(got.__typename, "Tenant");
      assert.deepEqual([got.id, got.name, got.tier], ["acme", "Acme", "gold"]);
      assert.equal(got.settings.branding.primary_color, "#33FF5B");
      assert.equal(got.settings.branding.logo_url, "https://acme.example/l");
    });

    it("refuses a colour that is none", async () => {
      const settings = { branding: { primary_color: "red" } };
      await assert.rejects(knock.tenants.set("coloured", { settings }), (error) => {
        assert.ok(error instanceof Knock.UnprocessableEntityError, String(error));
        assert.deepEqual(error.error.errors.map(({ field }) => field), ["settings.branding.primary_color"]);
        return true;
      });
      await assert.rejects(knock.tenants.get("coloured"), Knock.NotFoundError);
    });

    it("is an object of the collection $tenants too", async () => {
      await knock.tenants.set("double", { name: "Double", tier: "iron" });
      const { __typename, collection, properties } = await knock.objects.get("$tenants", "double");
      assert.deepEqual([__typename, collection], ["Object", "$tenants"]);
      assert.equal(properties.name, "Double");
      assert.equal(properties.tier, "iron");
      await knock.objects.set("$tenants", "double", { tier: "steel" });
      assert.equal((await knock.tenants.get("double")).tier, "steel");
    });

    it("lists, by part of the name and by id", async () => {
      for (const n of [1, 2, 3]) await knock.tenants.set(`shop-${n}`, { name: `The SHOP ${n}` });
      const ids = [];
      for await (const { id } of knock.tenants.list({ name: "shop", page_size: 2 })) ids.push(id);
      assert.deepEqual(ids, ["shop-3", "shop-2", "shop-1"]);
      const { entries } = await knock.tenants.list({ tenant_id: "shop-2" });
      assert.deepEqual(entries.map(({ name }) => name), ["The SHOP 2"]);
    });

    it("deletes a tenant, and again without complaint", async () => {
      await knock.tenants.set("gone", { name: "Gone" });
      assert.equal(await knock.tenants.delete("gone"), null);
      await assert.rejects(knock.tenants.get("gone"), Knock.NotFoundError);
      await knock.tenants.delete("gone");
    });
  });
}
