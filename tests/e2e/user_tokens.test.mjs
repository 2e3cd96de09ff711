// User tokens, signed by the official client with a key that the server made, next to a public key.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Knock, { Grants, buildUserTokenGrant, signUserToken } from "@knocklabs/node";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";
import { feedWorkflow } from "./harness/workflows.mjs";

for (const database of databases()) {
  describe(`user tokens on ${database.name}`, () => {
    let server;
    let feed;
    let signingKey;
    before(async () => {
      server = await startServer({ database });
      feed = await server.channelId("in-app-feed");
      await server.publish("note", feedWorkflow);
      await server.manage("PUT", "/v1/admin/environments/development", { enhanced_security: true });
      signingKey = await server.manage("POST", "/v1/admin/signing_keys", { environment: "development" });
      for (const tenant of [undefined, "acme", "beta"]) {
        const { workflow_run_id } = await server.knock.workflows.trigger("note", {
          recipients: [{ id: "ada", name: "Ada" }, { id: "bob", name: "Bob" }],
          tenant,
          data: { text: tenant ?? "no tenant", id: 1 },
        });
        await server.messagesOf(workflow_run_id, 2);
      }
    });
    after(() => server?.stop());

    /** What a browser is given: the public key and, maybe, a token. */
    const browser = (token) =>
      new Knock({
        baseURL: server.baseURL,
        apiKey: server.publicKey,
        defaultHeaders: token ? { "X-Knock-User-Token": token } : {},
        maxRetries: 0,
      });
    const sign = (user, options) => signUserToken(user, { signingKey: signingKey.private_key, ...options });
    const tokenFor = async (user, ...grants) =>
      browser(await sign(user, grants.length > 0 ? { grants: grants.map((grant) => buildUserTokenGrant(...grant)) } : {}));
    const refused = (status, code) => (error) => {
      assert.ok(error instanceof Knock.APIError, String(error));
      assert.deepEqual([error.status, error.error.code], [status, code], JSON.stringify(error.error));
      return true;
    };
    const tenantsOf = ({ entries }) => entries.map(({ tenant }) => tenant);

    it("opens the user's own feed, with either form of the key", async () => {
      for (const key of [signingKey.private_key, signingKey.private_key_base64]) {
        const own = browser(await signUserToken("ada", { signingKey: key, shouldGenerateJti: true }));
        assert.deepEqual(tenantsOf(await own.users.feeds.listItems("ada", feed)), ["beta", "acme", null]);
      }
    });

    it("lets the user mark its own messages, and no others", async () => {
      const ada = await tokenFor("ada");
      const [mine] = (await server.knock.users.listMessages("ada")).items;
      const [other] = (await server.knock.users.listMessages("bob")).items;
      assert.ok((await ada.messages.markAsRead(mine.id)).read_at);
      await assert.rejects(ada.messages.markAsRead(other.id), (error) => [403, 404].includes(error.status));
      assert.equal((await server.knock.messages.get(other.id)).read_at, null);
    });

    it("refuses another user's token, and what only a secret key may do", async () => {
      const bob = await tokenFor("bob");
      await assert.rejects(bob.users.feeds.listItems("ada", feed), (error) => {
        assert.equal(error.status, 403);
        assert.equal(error.error.type, "authentication_error");
        return true;
      });
      await assert.rejects(bob.users.getPreferences("ada", "default"), Knock.PermissionDeniedError);
      await assert.rejects(bob.users.list(), refused(403, "incorrect_token_type"));
      await assert.rejects(bob.workflows.trigger("note", { recipients: ["bob"] }), refused(403, "incorrect_token_type"));
    });

    it("refuses no token, an expired one, one with another signature, and one that was changed", async () => {
      const asks = (token) => browser(token).users.feeds.listItems("ada", feed);
      const codeOf = async (promise) => {
        const error = await promise.then(() => assert.fail("it was let in"), (error) => error);
        assert.ok([401, 403].includes(error.status), String(error));
        return error.error.code;
      };
      assert.equal(await codeOf(asks(undefined)), "missing_user_token");
      assert.equal(await codeOf(asks(await sign("ada", { expiresInSeconds: -120 }))), "invalid_user_token");
      const other = await server.manage("POST", "/v1/admin/signing_keys", { environment: "production" });
      assert.equal(await codeOf(asks(await sign("ada", { signingKey: other.private_key }))), "invalid_user_token");
      const [header, , signature] = (await sign("bob")).split(".");
      const [, payload] = (await sign("ada")).split(".");
      assert.equal(await codeOf(asks([header, payload, signature].join("."))), "invalid_user_token");
    });

    it("confines to the tenants of the grants", async () => {
      const acme = await tokenFor("ada", [{ type: "tenant", id: "acme" }, [Grants.UserFeedRead]]);
      assert.deepEqual(tenantsOf(await acme.users.feeds.listItems("ada", feed, { tenant: "acme" })), ["acme"]);
      await assert.rejects(acme.users.feeds.listItems("ada", feed, { tenant: "beta" }), Knock.PermissionDeniedError);
      await assert.rejects(acme.users.feeds.listItems("ada", feed), Knock.PermissionDeniedError);
    });

    it("opens the channel data of an object that was granted", async () => {
      const chat = await server.channelId("chat");
      const data = { connections: [{ channel_id: "C1" }] };
      await server.knock.objects.setChannelData("projects", "p1", chat, { data });
      const project = { type: "object", collection: "projects", id: "p1" };
      const granted = await tokenFor("ada", [project, [Grants.ChannelDataRead]]);
      const got = await granted.objects.getChannelData("projects", "p1", chat);
      assert.equal(got.data.connections[0].channel_id, "C1");
      await assert.rejects(
        granted.objects.setChannelData("projects", "p1", chat, { data }),
        Knock.PermissionDeniedError,
      );
      const without = await tokenFor("ada");
      await assert.rejects(without.objects.getChannelData("projects", "p1", chat), Knock.PermissionDeniedError);
    });

    it("refuses the tokens of a key that was revoked", async () => {
      const doomed = await server.manage("POST", "/v1/admin/signing_keys", { environment: "development" });
      const token = await sign("ada", { signingKey: doomed.private_key });
      await browser(token).users.feeds.listItems("ada", feed);
      const { status } = await server.request("DELETE", `/v1/admin/signing_keys/${doomed.id}`, undefined, {
        key: server.serviceToken,
      });
      assert.equal(status, 204);
      await assert.rejects(browser(token).users.feeds.listItems("ada", feed), (error) => {
        assert.equal(error.error.code, "invalid_user_token");
        return true;
      });
    });
  });
}
