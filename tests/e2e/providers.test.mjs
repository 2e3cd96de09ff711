// The Slack and Microsoft Teams helpers of the official client, with a stand-in for both providers.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { channelsOfSlack, microsoft, slack } from "./harness/providers.mjs";
import { startHttpReceiver } from "./harness/receivers.mjs";
import { startServer } from "./harness/server.mjs";

const tenant = (id) => JSON.stringify({ collection: "$tenants", object_id: id });
for (const database of databases()) {
  describe(`provider helpers on ${database.name}`, () => {
    let server;
    let knock;
    let slackReceiver;
    let microsoftReceiver;
    before(async () => {
      server = await startServer({ database, flags: ["--allow-private-addresses"] });
      knock = server.knock;
      slackReceiver = await startHttpReceiver(slack);
      microsoftReceiver = await startHttpReceiver(microsoft);
    });
    after(async () => {
      await slackReceiver?.stop();
      await microsoftReceiver?.stop();
      await server?.stop();
    });

    const notSet = (message) => (error) => {
      assert.ok(error instanceof Knock.PermissionDeniedError, String(error));
      assert.equal(error.error.message, message);
      return true;
    };

    describe("Slack", () => {
      let channel;
      before(async () => {
        channel = await server.channelId("chat");
        await server.setChannel("chat", { base_url: slackReceiver.url });
      });
      const withToken = (id, access_token) =>
        knock.objects.setChannelData("$tenants", id, channel, { data: { token: { access_token } } });

      it("says whether the tenant's token works", async () => {
        await withToken("good", "xoxb-good");
        await withToken("bad", "xoxb-bad");
        const check = (id) => knock.providers.slack.checkAuth(channel, { access_token_object: tenant(id) });
        assert.deepEqual(await check("good"), { connection: { ok: true } });
        const { connection } = await check("bad");
        assert.equal(connection.ok, false);
        assert.match(connection.reason, /invalid_auth/);
        assert.equal(connection.error, connection.reason);
        await assert.rejects(check("none"), notSet("Access token not set."));
      });

      it("lists the channels, page by page, and hides the token", async () => {
        await withToken("lister", "xoxb-good");
        const query = { access_token_object: tenant("lister"), query_options: { limit: 1, types: "public_channel" } };
        const page = await knock.providers.slack.listChannels(channel, query);
        assert.deepEqual(page.slack_channels, channelsOfSlack.slice(0, 1));
        assert.equal(page.next_cursor, "more");
        const last = slackReceiver.requests.at(-1);
        const asked = new URLSearchParams(`${last.body}&${last.url.split("?")[1] ?? ""}`);
        assert.equal(asked.get("types"), "public_channel");
        assert.equal(asked.get("limit"), "1");
        const all = [];
        for await (const { id } of knock.providers.slack.listChannels(channel, query)) all.push(id);
        assert.deepEqual(all, ["C1", "C2"]);
      });

      it("forgets a token that is revoked", async () => {
        await withToken("leaver", "xoxb-good");
        const params = { access_token_object: tenant("leaver") };
        assert.equal(await knock.providers.slack.revokeAccess(channel, params), "ok");
        assert.ok(slackReceiver.requests.some(({ url }) => url.includes("auth.revoke")));
        await assert.rejects(knock.providers.slack.checkAuth(channel, params), notSet("Access token not set."));
      });
    });

    describe("Microsoft Teams", () => {
      let channel;
      before(async () => {
        await server.manage("PUT", "/v1/admin/channels/teams", {
          type: "chat",
          provider: "chat_ms_teams",
          name: "Teams",
          is_sandbox: false,
          provider_settings: { bot_id: "bot", bot_password: "secret", base_url: microsoftReceiver.url },
        });
        channel = await server.channelId("teams");
        await knock.objects.setChannelData("$tenants", "good", channel, { data: { ms_teams_tenant_id: "entra-1" } });
      });
      const ms_teams_tenant_object = tenant("good");

      it("says whether the tenant lets us in", async () => {
        const { connection } = await knock.providers.msTeams.checkAuth(channel, { ms_teams_tenant_object });
        assert.deepEqual([connection.ok, connection.ms_teams_tenant_id], [true, "entra-1"]);
        assert.ok(microsoftReceiver.requests.some(({ url }) => url.includes("entra-1")), "the token is asked of the tenant");
        await assert.rejects(
          knock.providers.msTeams.checkAuth(channel, { ms_teams_tenant_object: tenant("none") }),
          notSet("Microsoft Teams tenant ID not set."),
        );
      });

      it("lists teams page by page, and the channels of one", async () => {
        const ids = [];
        for await (const { id } of knock.providers.msTeams.listTeams(channel, { ms_teams_tenant_object })) ids.push(id);
        assert.deepEqual(ids, ["team-1", "team-2"]);
        const query = { ms_teams_tenant_object, team_id: "team-1" };
        const { ms_teams_channels } = await knock.providers.msTeams.listChannels(channel, query);
        assert.deepEqual(ms_teams_channels.map(({ id, displayName }) => [id, displayName]), [
          ["19:general@thread.tacv2", "General"],
        ]);
        assert.ok(microsoftReceiver.requests.at(-1).url.includes("team-1"));
      });

      it("forgets the tenant id when access is revoked", async () => {
        await knock.objects.setChannelData("$tenants", "leaver", channel, { data: { ms_teams_tenant_id: "entra-2" } });
        const params = { ms_teams_tenant_object: tenant("leaver") };
        assert.equal(await knock.providers.msTeams.revokeAccess(channel, params), "ok");
        await assert.rejects(
          knock.providers.msTeams.checkAuth(channel, params),
          notSet("Microsoft Teams tenant ID not set."),
        );
      });
    });
  });
}
