// Schedules through the official client, under a clock that stands still: when they are due, and what they send.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { eventually } from "./harness/poll.mjs";
import { startServer } from "./harness/server.mjs";
import { feedWorkflow } from "./harness/workflows.mjs";

// A Wednesday before the clocks of New York change; its calendar is that of 2026.
const now = "2037-03-04T12:00:00Z";
const mondays = [{ frequency: "weekly", days: ["mon"], hours: 9, minutes: 0 }];
const sameInstant = (got, want, what) => assert.equal(new Date(got).toISOString(), new Date(want).toISOString(), what);

for (const database of databases()) {
  describe(`schedules on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database, flags: ["--virtual-time"] });
      knock = server.knock;
      await server.advanceTo(now);
      for (const key of ["digest", "reminder", "other"]) await server.publish(key, feedWorkflow);
      await knock.users.update("ny", { name: "New York", timezone: "America/New_York" });
    });
    after(() => server?.stop());

    const idsOf = (schedules) => schedules.map(({ id }) => id);
    const messagesOf = async (recipient) => (await knock.users.listMessages(recipient)).items;
    const messagesBecome = (recipient, count) =>
      eventually(`${recipient} has ${count} messages`, async () => {
        const messages = await messagesOf(recipient);
        if (messages.length === count) return messages;
        throw new Error(`has ${messages.length}`);
      });

    it("makes one schedule for each recipient, due in the recipient's own zone", async () => {
      const schedules = await knock.schedules.create({
        workflow: "digest",
        recipients: ["ny", { id: "utc", name: "Greenwich" }, { collection: "teams", id: "red", name: "Red" }],
        repeats: mondays,
        data: { text: "weekly" },
        actor: { id: "boss", name: "Boss" },
        tenant: { id: "acme", name: "Acme" },
      });
      assert.equal(schedules.length, 3);
      assert.equal(new Set(idsOf(schedules)).size, 3);
      const [ny, utc, red] = schedules;
      assert.equal(ny.__typename, "Schedule");
      assert.deepEqual([ny.recipient.id, utc.recipient.id, red.recipient.id], ["ny", "utc", "red"]);
      assert.equal(red.recipient.collection, "teams");
      sameInstant(ny.next_occurrence_at, "2037-03-09T13:00:00Z", "after the change of clocks");
      sameInstant(utc.next_occurrence_at, "2037-03-09T09:00:00Z");
      for (const schedule of schedules) {
        assert.equal(schedule.workflow, "digest");
        assert.equal(schedule.last_occurrence_at, null);
        assert.deepEqual(schedule.data, { text: "weekly" });
        assert.equal(schedule.actor.id, "boss");
        assert.equal(schedule.tenant, "acme");
        const [rule] = schedule.repeats;
        const { frequency, days, hours, minutes, interval } = rule;
        assert.deepEqual(
          { frequency, days, hours, minutes, interval },
          { frequency: "weekly", days: ["mon"], hours: 9, minutes: 0, interval: 1 },
        );
      }
      assert.equal((await knock.users.get("utc")).name, "Greenwich");
      assert.equal((await knock.tenants.get("acme")).name, "Acme");
    });

    it("knows the next occurrence of every frequency", async () => {
      const cases = [
        [{ frequency: "daily", days: ["mon", "tue", "wed", "thu", "fri"], hours: 9, minutes: 30 }, "2037-03-05T09:30:00Z"],
        [{ frequency: "hourly", interval: 6, minutes: 15 }, "2037-03-04T12:15:00Z"],
        [{ frequency: "monthly", day_of_month: 31, hours: 9 }, "2037-03-31T09:00:00Z"],
        [{ frequency: "weekly", interval: 2, days: ["mon", "fri"], hours: 18 }, "2037-03-06T18:00:00Z"],
      ];
      for (const [rule, want] of cases) {
        const [{ next_occurrence_at }] = await knock.schedules.create({
          workflow: "other",
          recipients: [{ id: "greenwich" }],
          repeats: [rule],
        });
        sameInstant(next_occurrence_at, want, rule.frequency);
      }
    });

    it("lists by workflow, recipient and tenant, and for one user or object", async () => {
      const make = async (recipient, rest = {}) => {
        const body = { workflow: "reminder", recipients: [recipient], repeats: mondays, ...rest };
        return (await knock.schedules.create(body))[0].id;
      };
      const object = { collection: "teams", id: "listed" };
      const first = await make({ id: "lister" });
      const second = await make({ ...object, name: "Listed" });
      const third = await make("lister", { tenant: "tenanted" });
      const list = async (query) => {
        const ids = [];
        for await (const { id } of knock.schedules.list({ workflow: "reminder", page_size: 2, ...query })) ids.push(id);
        return ids;
      };
      assert.deepEqual(await list({}), [third, second, first]);
      assert.deepEqual(await list({ recipients: ["lister"] }), [third, first]);
      assert.deepEqual(await list({ recipients: [object] }), [second]);
      assert.deepEqual(await list({ tenant: "tenanted" }), [third]);
      assert.deepEqual(await list({ workflow: "digest", recipients: ["lister"] }), []);
      assert.deepEqual(idsOf((await knock.users.listSchedules("lister")).entries), [third, first]);
      assert.deepEqual(idsOf((await knock.users.listSchedules("lister", { tenant: "tenanted" })).entries), [third]);
      assert.deepEqual(idsOf((await knock.users.listSchedules("lister", { workflow: "digest" })).entries), []);
      assert.deepEqual(idsOf((await knock.objects.listSchedules("teams", "listed")).entries), [second]);
      await assert.rejects(server.knock.schedules.list({}), Knock.UnprocessableEntityError);
    });

    it("updates several at once", async () => {
      const body = { workflow: "other", recipients: [{ id: "changed-1" }, { id: "changed-2" }], repeats: mondays };
      const made = await knock.schedules.create({ ...body, data: { text: "old", id: 1 } });
      const updated = await knock.schedules.update({
        schedule_ids: idsOf(made),
        repeats: [{ frequency: "daily", hours: 10 }],
        data: { text: "new" },
        tenant: "moved",
      });
      assert.deepEqual(idsOf(updated).sort(), idsOf(made).sort());
      for (const { next_occurrence_at, data, tenant } of updated) {
        sameInstant(next_occurrence_at, "2037-03-05T10:00:00Z");
        assert.deepEqual([data, tenant], [{ text: "new" }, "moved"]);
      }
    });

    it("makes many in one bulk operation", async () => {
      const schedule = { workflow: "other", repeats: mondays };
      const accepted = await knock.schedules.bulk.create({
        schedules: [
          { ...schedule, recipient: { id: "bulk-1", name: "Bulk" } },
          { ...schedule, recipient: "bulk-1", data: { n: 2 } },
        ],
      });
      const { status, success_count, error_count } = await server.bulkEnd(accepted);
      assert.deepEqual({ status, success_count, error_count }, { status: "completed", success_count: 2, error_count: 0 });
      const { entries } = await knock.users.listSchedules("bulk-1");
      assert.deepEqual(entries.map(({ data }) => data?.n ?? 1).sort(), [1, 2]);
    });

    it("refuses what can never be due, and names it", async () => {
      const create = (rest) => knock.schedules.create({ workflow: "other", recipients: ["ny"], ...rest });
      const refusedFor = (field) => (error) => {
        assert.ok(error instanceof Knock.UnprocessableEntityError, String(error));
        assert.ok(error.error.errors.some((one) => one.field.startsWith(field)), JSON.stringify(error.error));
        return true;
      };
      await assert.rejects(create({}), refusedFor("scheduled_at"));
      await assert.rejects(create({ repeats: [{ frequency: "yearly" }] }), refusedFor("repeats[0].frequency"));
      await assert.rejects(
        create({ repeats: mondays, recipients: Array.from({ length: 101 }, () => "ny") }),
        refusedFor("recipients"),
      );
    });

    // From here on the clock moves.
    it("sends a single one when it is due, with its data and tenant", async () => {
      const [single] = await knock.schedules.create({
        workflow: "other",
        recipients: [{ id: "once", name: "Once" }],
        scheduled_at: "2037-03-04T13:00:00Z",
        actor: { id: "sender", name: "Sender" },
        data: { text: "on time", id: 5 },
        tenant: "punctual",
      });
      sameInstant(single.next_occurrence_at, "2037-03-04T13:00:00Z");
      await server.advanceTo("2037-03-04T12:59:59Z");
      assert.deepEqual(await messagesOf("once"), []);
      await server.advanceTo("2037-03-04T13:00:00Z");
      const [message] = await messagesBecome("once", 1);
      assert.equal(message.tenant, "punctual");
      assert.deepEqual(message.actors, ["sender"]);
      assert.equal(message.data.text, "on time");
      const [after] = (await knock.users.listSchedules("once")).entries;
      assert.equal(after.next_occurrence_at, null);
      sameInstant(after.last_occurrence_at, "2037-03-04T13:00:00Z");
    });

    it("sends a repeating one again and again, and a deleted one no more", async () => {
      const made = await knock.schedules.create({
        workflow: "other",
        recipients: [{ id: "daily", name: "Daily" }, { id: "deleted", name: "Deleted" }],
        repeats: [{ frequency: "daily", hours: 8 }],
        data: { text: "morning", id: 1 },
      });
      const gone = made.find(({ recipient }) => recipient.id === "deleted");
      const deleted = await knock.schedules.delete({ schedule_ids: [gone.id] });
      assert.deepEqual(idsOf(deleted), [gone.id]);
      assert.deepEqual((await knock.users.listSchedules("deleted")).entries, []);
      await server.advanceTo("2037-03-05T08:00:00Z");
      await messagesBecome("daily", 1);
      const [next] = (await knock.users.listSchedules("daily")).entries;
      sameInstant(next.next_occurrence_at, "2037-03-06T08:00:00Z");
      await server.advanceTo("2037-03-07T08:00:00Z");
      await messagesBecome("daily", 3);
      assert.deepEqual(await messagesOf("deleted"), []);
    });
  });
}
