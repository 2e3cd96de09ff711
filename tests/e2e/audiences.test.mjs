// Audiences through the official client: members added, listed, removed, and asked for by a condition.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { stays } from "./harness/poll.mjs";
import { startServer } from "./harness/server.mjs";
import { feedStep } from "./harness/workflows.mjs";

const forBeta = {
  steps: [
    {
      ...feedStep,
      conditions: { all: [{ variable: "recipient", operator: "is_audience_member", argument: "beta" }] },
    },
  ],
};

for (const database of databases()) {
  describe(`audiences on ${database.name}`, () => {
    let server;
    let knock;
    before(async () => {
      server = await startServer({ database });
      knock = server.knock;
      await server.publish("beta-news", forBeta);
    });
    after(() => server?.stop());

    const members = async (key) =>
      (await knock.audiences.listMembers(key)).entries.map(({ user_id, tenant }) => [user_id, tenant]).sort();

    it("makes an audience on request alone", async () => {
      const body = { members: [{ user: { id: "u1" } }] };
      await assert.rejects(knock.audiences.addMembers("made", body), Knock.NotFoundError);
      await assert.rejects(knock.audiences.listMembers("made"), Knock.NotFoundError);
      assert.equal(await knock.audiences.addMembers("made", { ...body, create_audience: true }), null);
      assert.deepEqual(await members("made"), [["u1", null]]);
      const audience = await server.manage("GET", "/v1/audiences/made?environment=development");
      assert.deepEqual([audience.key, audience.name, audience.type], ["made", "made", "static"]);
    });

    it("takes a user once for each tenant, and shows who it is", async () => {
      const add = (list) => knock.audiences.addMembers("vip", { members: list, create_audience: true });
      await add([{ user: { id: "v1", name: "Vera", plan: "pro" } }, { user: { id: "v1" }, tenant: "acme" }]);
      assert.equal((await knock.users.get("v1")).plan, "pro");
      const { entries, page_info } = await knock.audiences.listMembers("vip");
      assert.equal(page_info.after, null);
      assert.equal(entries.length, 2);
      const { __typename, user, added_at } = entries.find(({ tenant }) => tenant === null);
      assert.equal(__typename, "AudienceMember");
      assert.deepEqual([user.id, user.name], ["v1", "Vera"]);
      await add([{ user: { id: "v1" } }]);
      const again = (await knock.audiences.listMembers("vip")).entries;
      assert.equal(again.length, 2);
      assert.equal(again.find(({ tenant }) => tenant === null).added_at, added_at, "adding again changes nothing");
    });

    it("removes the member that is named, with its tenant", async () => {
      const both = [{ user: { id: "r1" } }, { user: { id: "r1" }, tenant: "acme" }];
      await knock.audiences.addMembers("leaving", { members: both, create_audience: true });
      const leave = (list) => knock.audiences.removeMembers("leaving", { members: list });
      assert.equal(await leave([{ user: { id: "r1" }, tenant: "acme" }, { user: { id: "never-in" } }]), null);
      assert.deepEqual(await members("leaving"), [["r1", null]]);
      await leave([{ user: { id: "r1" } }]);
      assert.deepEqual(await members("leaving"), []);
      assert.equal((await knock.users.get("r1")).id, "r1", "the user stays");
    });

    it("names the member that is wrong, and adds none", async () => {
      const wrong = { members: [{ user: { id: "fine" } }, { user: { name: "No id" } }], create_audience: true };
      await assert.rejects(knock.audiences.addMembers("checked", wrong), (error) => {
        assert.ok(error instanceof Knock.UnprocessableEntityError, String(error));
        assert.ok(error.error.errors[0].field.startsWith("members[1].user"), JSON.stringify(error.error));
        return true;
      });
      await assert.rejects(knock.audiences.listMembers("checked"), Knock.NotFoundError);
    });

    it("computes the members of a dynamic audience, which nobody adds by hand", async () => {
      const segments = [{ conditions: [{ property: "recipient.plan", operator: "equal_to", argument: "gold" }] }];
      await server.manage("PUT", "/v1/audiences/gold?environment=development&commit=true", {
        audience: { name: "Gold", type: "dynamic", segments },
      });
      const body = { members: [{ user: { id: "by-hand" } }] };
      await assert.rejects(knock.audiences.addMembers("gold", body), Knock.UnprocessableEntityError);
      await knock.users.update("digger", { plan: "gold" });
      await knock.users.update("poor", { plan: "free" });
      assert.deepEqual(await members("gold"), [["digger", null]]);
      await knock.users.update("digger", { plan: "free" });
      assert.deepEqual(await members("gold"), []);
    });

    it("decides a step, by the user and the tenant of the run", async () => {
      await knock.audiences.addMembers("beta", {
        members: [{ user: { id: "b1", name: "Beta" } }, { user: { id: "b2", name: "Acme" }, tenant: "acme" }],
        create_audience: true,
      });
      const send = async (recipient, tenant) => {
        const body = { recipients: [recipient], tenant, data: { text: "news", id: 1 } };
        return (await knock.workflows.trigger("beta-news", body)).workflow_run_id;
      };
      const silent = [await send("b1", "acme"), await send("b2", undefined), await send({ id: "outsider" })];
      await server.messagesOf(await send("b1"), 1);
      await server.messagesOf(await send("b2", "acme"), 1);
      await stays("no message for others", async () => {
        for (const workflow_run_id of silent) {
          if ((await knock.messages.list({ workflow_run_id })).items.length > 0) return false;
        }
        return true;
      }, { ms: 100 });
    });
  });
}
