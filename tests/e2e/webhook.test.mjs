// The webhook channel: what a receiver sees, verifies and may answer.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { withCleanup } from "./harness/cleanup.mjs";
import { databases } from "./harness/databases.mjs";
import { eventually, stays } from "./harness/poll.mjs";
import { startWebhookReceiver, verifySignature } from "./harness/receivers.mjs";
import { startServer } from "./harness/server.mjs";

const signingKey = "e2e-signing-key";

async function prepared(database, flags) {
  const server = await startServer({ database, project: true, flags });
  try {
    await server.setChannel("webhook", { signing_key: signingKey }, { sandbox: false });
  } catch (error) {
    await server.discard();
    throw error;
  }
  return server;
}

async function payInvoice(server, url) {
  const { workflow_run_id } = await server.knock.workflows.trigger("invoice-paid", {
    recipients: [{ id: "payer", name: "Payer" }],
    data: { invoice: { number: 'A "1"', total: "€ 5", lines: [] }, callback_url: url },
  });
  return eventually("there is a webhook message", async () => {
    const { items } = await server.knock.messages.list({ workflow_run_id });
    return items.find((message) => message.channel.key === "webhook");
  });
}

async function finalStatus(server, id) {
  const message = await eventually("the webhook message is final", async () => {
    const now = await server.knock.messages.get(id);
    if (!["queued", "delivery_attempted"].includes(now.status)) return now;
    throw new Error(`it is ${now.status}`);
  });
  return message.status;
}

for (const database of databases()) {
  describe(`webhooks on ${database.name}`, () => {
    let server;
    before(async () => {
      server = await prepared(database, ["--allow-private-addresses"]);
    });
    after(() => server?.stop());

    it("posts the rendered body, signed over its exact bytes", async () => {
      await withCleanup(async (defer) => {
        const receiver = await startWebhookReceiver();
        defer(receiver.stop);
        const { id } = await payInvoice(server, receiver.url);
        assert.equal(await finalStatus(server, id), "delivered");
        assert.equal(receiver.requests.length, 1);
        const [request] = receiver.requests;
        assert.equal(request.method, "POST");
        assert.equal(request.url, "/hooks");
        assert.match(request.headers["content-type"], /^application\/json/);
        assert.deepEqual(JSON.parse(request.body), {
          event: "invoice.paid",
          invoice: 'A "1"',
          total: "€ 5",
          customer: "payer",
        });
        const signedAt = verifySignature(request.headers["x-webhook-signature"], request.body, signingKey);
        assert.ok(Math.abs(Date.now() - signedAt) < 60_000, `t=${signedAt} is not now in milliseconds`);
        assert.equal(request.headers["idempotency-key"], id);
        const [log] = (await server.knock.messages.listDeliveryLogs(id)).items;
        assert.equal(log.response.status, 200);
        assert.ok(!JSON.stringify(log).includes(signingKey), "the signing key must not be in the log");
      });
    });

    it("gives up at once when the receiver does not want it", async () => {
      await withCleanup(async (defer) => {
        const receiver = await startWebhookReceiver([404]);
        defer(receiver.stop);
        const { id } = await payInvoice(server, receiver.url);
        assert.equal(await finalStatus(server, id), "undelivered");
        assert.equal(receiver.requests.length, 1);
        const events = (await server.knock.messages.listEvents(id)).items;
        const failure = events.find((event) => event.type === "message.undelivered");
        assert.equal(failure?.data?.failure_reason, "fatal_error", JSON.stringify(events));
      });
    });

    it("does not follow a redirect", async () => {
      await withCleanup(async (defer) => {
        const receiver = await startWebhookReceiver([302]);
        defer(receiver.stop);
        await payInvoice(server, receiver.url);
        await eventually("the first attempt", () => receiver.requests.length === 1);
        await stays("nobody asks for /elsewhere", () => receiver.requests.every((one) => one.url === "/hooks"));
      });
    });
  });

  describe(`webhooks to private addresses on ${database.name}`, () => {
    it("do not leave without the operator's permission", async () => {
      await withCleanup(async (defer) => {
        const receiver = await startWebhookReceiver();
        defer(receiver.stop);
        const server = await prepared(database, []);
        defer(() => server.stop());
        const { id } = await payInvoice(server, receiver.url);
        assert.equal(await finalStatus(server, id), "undelivered");
        assert.equal(receiver.requests.length, 0);
      });
    });
  });
}
