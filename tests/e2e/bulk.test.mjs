// Bulk operations through the official client: accepted, done row by row, and watched until they end.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";
import { feedWorkflow } from "./harness/workflows.mjs";

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

for (const database of databases()) {
  describe(`bulk operations on ${database.name}`, () => {
    let server;
    let knock;
    let feed;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
      feed = await server.channelId("in-app-feed");
      await server.publish("note", feedWorkflow);
    });
    after(() => server?.stop());

    /** The ended operation, which must have done `rows` rows and failed for `errors`. */
    async function ends(name, accepted, rows, errors = []) {
      assert.equal(accepted.__typename, "BulkOperation");
      assert.match(accepted.id, uuid);
      assert.equal(accepted.name, name);
      assert.equal(accepted.status, "queued");
      assert.equal(accepted.progress_path.endsWith(`/v1/bulk_operations/${accepted.id}`), true, accepted.progress_path);
      const ended = await server.bulkEnd(accepted);
      assert.deepEqual(
        {
          status: ended.status,
          estimated: ended.estimated_total_rows,
          processed: ended.processed_rows,
          successes: ended.success_count,
          errors: ended.error_count,
          items: ended.error_items.map(({ id, collection }) => ({ id, collection: collection ?? null })),
        },
        {
          status: "completed",
          estimated: rows,
          processed: rows,
          successes: rows - errors.length,
          errors: errors.length,
          items: errors,
        },
      );
      assert.ok(Date.parse(ended.completed_at) >= Date.parse(ended.started_at), JSON.stringify(ended));
      assert.equal(ended.failed_at, null);
      return ended;
    }
    const refusedFor = (field) => (error) => {
      assert.ok(error instanceof Knock.UnprocessableEntityError, String(error));
      assert.ok(error.error.errors.some((one) => one.field.startsWith(field)), JSON.stringify(error.error));
      return true;
    };
    const isGone = (promise) => assert.rejects(promise, Knock.NotFoundError);

    it("identifies users, and names the row that cannot be stored", async () => {
      const accepted = await knock.users.bulk.identify({
        users: [
          { id: "b1", name: "One", plan: "pro" },
          { id: "b2", name: "Two", blob: "x".repeat(262_145) },
          { id: "b3", name: "Three" },
          { id: "b1", seats: 3 },
        ],
      });
      await ends("users.identify", accepted, 4, [{ id: "b2", collection: null }]);
      const { name, plan, seats } = await knock.users.get("b1");
      assert.deepEqual({ name, plan, seats }, { name: "One", plan: "pro", seats: 3 });
      assert.equal((await knock.users.get("b3")).name, "Three");
      await isGone(knock.users.get("b2"));
    });

    it("refuses a list that is empty or too long, and a row without an id", async () => {
      await assert.rejects(knock.users.bulk.identify({ users: [] }), refusedFor("users"));
      await assert.rejects(knock.users.bulk.identify({ users: [{ name: "Nameless" }] }), refusedFor("users[0].id"));
      const crowd = Array.from({ length: 1001 }, (_, n) => `crowd-${n}`);
      await assert.rejects(knock.users.bulk.delete({ user_ids: crowd }), refusedFor("user_ids"));
    });

    it("deletes users, known and unknown", async () => {
      await knock.users.update("doomed", { name: "Doomed" });
      await ends("users.delete", await knock.users.bulk.delete({ user_ids: ["doomed", "never-was"] }), 2);
      await isGone(knock.users.get("doomed"));
    });

    it("sets and deletes objects", async () => {
      const objects = [{ id: "o1", name: "One" }, { id: "o2", size: { w: 1 } }];
      await ends("objects.set", await knock.objects.bulk.set("assets", { objects }), 2);
      assert.deepEqual((await knock.objects.get("assets", "o1")).properties, { name: "One" });
      assert.deepEqual((await knock.objects.get("assets", "o2")).properties, { size: { w: 1 } });
      const gone = await knock.objects.bulk.delete("assets", { object_ids: ["o1", "unknown"] });
      await ends("objects.delete", gone, 2);
      await isGone(knock.objects.get("assets", "o1"));
      assert.equal((await knock.objects.get("assets", "o2")).id, "o2");
    });

    it("subscribes and unsubscribes", async () => {
      await knock.users.update("follower", { name: "Follower" });
      const accepted = await knock.objects.bulk.addSubscriptions("boards", {
        subscriptions: [
          { id: "board-1", recipients: ["follower", { id: "fresh", name: "Fresh" }], properties: { role: "editor" } },
          { id: "board-2", recipients: ["nobody-knows"] },
          { id: "board-3", recipients: ["follower"] },
        ],
      });
      await ends("objects.add_subscriptions", accepted, 3, [{ id: "board-2", collection: "boards" }]);
      const subscribers = async (id) =>
        (await knock.objects.listSubscriptions("boards", id)).entries.map(({ recipient }) => recipient.id).sort();
      assert.deepEqual(await subscribers("board-1"), ["follower", "fresh"]);
      assert.deepEqual(await subscribers("board-3"), ["follower"]);
      const { entries } = await knock.users.listSubscriptions("fresh");
      assert.deepEqual(entries[0].properties, { role: "editor" });

      const removed = await knock.objects.bulk.deleteSubscriptions("boards", {
        subscriptions: [{ id: "board-1", recipients: ["follower", "never-subscribed"] }],
      });
      await ends("objects.delete_subscriptions", removed, 1);
      assert.deepEqual(await subscribers("board-1"), ["fresh"]);
    });

    it("sets and deletes tenants, by name alone too", async () => {
      const accepted = await knock.tenants.bulk.set({ tenants: ["stub", { id: "full", name: "Full", tier: 1 }] });
      await ends("tenants.set", accepted, 2);
      assert.equal((await knock.tenants.get("stub")).name, null);
      assert.equal((await knock.tenants.get("full")).tier, 1);
      await ends("tenants.delete", await knock.tenants.bulk.delete({ tenant_ids: ["stub", "full"] }), 2);
      await isGone(knock.tenants.get("stub"));
      await isGone(knock.tenants.get("full"));
    });

    it("changes the status of the messages of a channel, by filter", async () => {
      const recipients = [{ id: "m1" }, { id: "m2" }];
      for (const tenant of ["acme", undefined]) {
        const { workflow_run_id } = await knock.workflows.trigger("note", {
          recipients,
          tenant,
          data: { text: tenant ?? "none", id: 1 },
        });
        await server.messagesOf(workflow_run_id, 2);
      }
      const counts = async (user) => {
        // The client's page has no counts.
        const { body } = await server.request("GET", `/v1/users/${user}/feeds/${feed}?mode=compact`);
        return [body.meta.total_count, body.meta.unread_count, body.meta.unseen_count];
      };
      const bulk = async (action, filter, rows) =>
        ends(`messages.${action}`, await knock.channels.bulk.updateMessageStatus(feed, action, filter), rows);

      await bulk("seen", { recipient_ids: ["m1"] }, 2);
      assert.deepEqual(await counts("m1"), [2, 2, 0]);
      assert.deepEqual(await counts("m2"), [2, 2, 2]);
      await bulk("read", { recipient_ids: ["m1", "m2"], tenants: ["acme"], has_tenant: true }, 2);
      assert.deepEqual(await counts("m1"), [2, 1, 0]);
      assert.deepEqual(await counts("m2"), [2, 1, 2]);
      await bulk("archived", { recipient_ids: ["m1"], engagement_status: "read" }, 1);
      assert.deepEqual(await counts("m1"), [1, 1, 0]);
    });

    it("does not know an operation that never was", async () => {
      await isGone(knock.bulkOperations.get("11111111-2222-4333-8444-555555555555"));
    });
  });
}
