// Mail that a real SMTP server received, compared with what the API says was sent.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";

import { withCleanup } from "./harness/cleanup.mjs";
import { databases } from "./harness/databases.mjs";
import { eventually } from "./harness/poll.mjs";
import { startSmtpReceiver } from "./harness/receivers.mjs";
import { startServer } from "./harness/server.mjs";

// Line ends and the empty lines at the end are the mail's own affair.
const lines = (text) => text.replaceAll("\r\n", "\n").trimEnd();

for (const database of databases()) {
  describe(`e-mail on ${database.name}`, () => {
    let server;
    let knock;
    let smtp;
    before(async () => {
      smtp = await startSmtpReceiver();
      server = await startServer({ database, project: true, flags: ["--allow-private-addresses"] });
      knock = server.knock;
      await server.setChannel(
        "email",
        {
          host: "127.0.0.1",
          port: smtp.port,
          security: "none",
          from_address: "hello@collab.example",
          from_name: "Collab",
        },
        { sandbox: false },
      );
      await knock.users.update("alan", { name: "Alan" });
    });
    after(async () => {
      await server?.stop();
      await smtp?.stop();
    });

    async function emailOf(workflow, body) {
      const { workflow_run_id } = await knock.workflows.trigger(workflow, body);
      return eventually("the e-mail message is final", async () => {
        const { items } = await knock.messages.list({ workflow_run_id });
        const email = items.find((message) => message.channel.key === "email");
        if (email && !["queued", "delivery_attempted"].includes(email.status)) return email;
        throw new Error(`messages: ${items.map((m) => `${m.channel.key} ${m.status}`).join(", ") || "none"}`);
      });
    }
    const received = (message) =>
      eventually(`the receiver has the mail of message ${message.id}`, () =>
        smtp.mails.find((mail) => mail.message_id?.includes(message.id)),
      );

    it("sends subject, both parts, addresses and a message id of its own", async () => {
      const message = await emailOf("mention", {
        recipients: [{ id: "ada", name: "Ada Łovelace", email: "ada@collab.example" }],
        actor: "alan",
        data: { document: "Q3 plän", url: "https://collab.example/d/7", comment: "Is <b>this</b> right?" },
      });
      assert.equal(message.status, "sent");
      const mail = await received(message);
      assert.equal(mail.message_id, `<${message.id}@collab.example>`);
      assert.equal(mail.subject, "Alan mentioned you in Q3 plän");
      assert.equal(mail.envelope_from, "hello@collab.example");
      assert.deepEqual(mail.envelope_to, ["ada@collab.example"]);
      assert.match(mail.from, /Collab.*<hello@collab\.example>/);
      assert.match(mail.to, /ada@collab\.example/);
      assert.ok(mail.headers.date, "a mail needs a date");
      assert.equal(
        lines(mail.text),
        "Hello Ada Łovelace,\n\nAlan mentioned you in Q3 plän:\n\nIs <b>this</b> right?\n\n" +
          "Reply: https://collab.example/d/7\n\n\n--\nCollab\n" +
          "Notification settings: https://collab.example/settings/notifications\nHelp: https://collab.example/help",
      );
      assert.match(mail.html, /^<!doctype html>/i);
      assert.match(mail.html, /<strong>Q3 plän<\/strong>/);
      assert.match(mail.html, /Is &lt;b&gt;this&lt;\/b&gt; right\?/);
      assert.match(mail.html, /<a href="https:\/\/collab\.example\/help"/);

      const { data } = await knock.messages.getContent(message.id);
      assert.equal(data.__typename, "MessageEmailContent");
      assert.equal(data.subject_line, mail.subject);
      assert.equal(lines(data.text_body), lines(mail.text));
      assert.equal(lines(data.html_body), lines(mail.html));
      const [log] = (await knock.messages.listDeliveryLogs(message.id)).items;
      assert.equal(log.service_name, "SMTP");
      assert.equal(log.response.status, 250);
    });

    it("attaches what the data carries, byte for byte", async () => {
      const bytes = Buffer.from("%PDF-1.7 not really\u0000\u00ff", "latin1");
      const message = await emailOf("invoice-paid", {
        recipients: [{ id: "payer", name: "Payer", email: "payer@collab.example" }],
        data: {
          invoice: { number: "2026-17", total: "€ 120.00", lines: [{ description: "Seats", amount: "€ 120.00" }] },
          documents: [
            { name: "invoice-2026-17.pdf", content_type: "application/pdf", content: bytes.toString("base64") },
          ],
        },
      });
      const mail = await received(message);
      assert.equal(mail.subject, "Receipt for invoice 2026-17");
      assert.match(mail.text, /- Seats: € 120\.00/);
      assert.equal(mail.attachments.length, 1);
      assert.equal(mail.attachments[0].name, "invoice-2026-17.pdf");
      assert.equal(mail.attachments[0].content_type, "application/pdf");
      assert.equal(mail.attachments[0].sha256, createHash("sha256").update(bytes).digest("hex"));
      assert.equal(message.data?.documents, undefined, "attachments do not belong into the message's data");
    });

    it("cannot be tricked into another header", async () => {
      const message = await emailOf("mention", {
        recipients: [{ id: "eve", name: "Eve", email: "eve@collab.example" }],
        actor: "alan",
        data: { document: "x\r\nBcc: victim@collab.example", url: "https://collab.example", comment: "c" },
      });
      const mail = await received(message);
      assert.equal(mail.headers.bcc, undefined);
      assert.deepEqual(mail.envelope_to, ["eve@collab.example"]);
    });

    it("carries a link out of commercial messages, and out of nothing else", async () => {
      const template = { subject: "{{ data.subject }}", html_body: "<a href='{{ vars.commercial_unsubscribe_url }}'>x</a>" };
      const steps = [{ ref: "mail", type: "channel", channel_key: "email", template }];
      await server.publish("offers", { steps, settings: { is_commercial: true } });
      await server.publish("receipt", { steps });
      const recipients = [{ id: "gülay", email: "guelay@collab.example" }];
      const offer = await received(await emailOf("offers", { recipients, data: { subject: "Offers" } }));
      const [, link] = /^<(http[^>\s]+)>$/.exec(offer.headers["list-unsubscribe"]);
      assert.equal(offer.headers["list-unsubscribe-post"], "List-Unsubscribe=One-Click");
      assert.ok(link.startsWith(`${server.baseURL}/u/`), link);
      assert.ok(offer.html.includes(link), "the template has the same link");
      const subscribed = async () => (await knock.users.getPreferences("gülay", "default")).commercial_subscribed;

      // Whoever only looks stays subscribed.
      const page = await fetch(link);
      assert.equal(page.status, 200);
      assert.match(await page.text(), /<form method="post">.*<button>/s);
      assert.equal(await subscribed(), null);

      // A mail client's own form, as RFC 8058 has it.
      const form = new FormData();
      form.set("List-Unsubscribe", "One-Click");
      for (const body of [form, new URLSearchParams({ "List-Unsubscribe": "One-Click" })]) {
        const answer = await fetch(link, { method: "POST", body, redirect: "error" });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get("set-cookie"), null);
        assert.equal(await subscribed(), false);
      }
      const { workflow_run_id } = await knock.workflows.trigger("offers", { recipients: ["gülay"], data: {} });
      const receipt = await received(await emailOf("receipt", { recipients, data: { subject: "Receipt" } }));
      assert.equal(receipt.headers["list-unsubscribe"], undefined);
      assert.equal(receipt.headers["list-unsubscribe-post"], undefined);
      assert.deepEqual((await knock.messages.list({ workflow_run_id })).items, []);
    });

    it("knows a bounce from a failure", async () => {
      const message = await emailOf("mention", {
        recipients: [{ id: "gone", name: "Gone", email: "bounce@collab.example" }],
        actor: "alan",
        data: { document: "d", url: "https://collab.example", comment: "c" },
      });
      assert.equal(message.status, "bounced");
      const events = (await knock.messages.listEvents(message.id)).items.map((event) => event.type);
      assert.ok(events.includes("message.bounced"), String(events));
      assert.ok(!events.includes("message.delivery_attempted"), String(events));
    });
  });

  describe(`a busy mail server on ${database.name}`, () => {
    it("gets the mail again after a while, under the same message id", async () => {
      await withCleanup(async (defer) => {
        const smtp = await startSmtpReceiver(["--refuse-first", "1"]);
        defer(smtp.stop);
        const flags = ["--virtual-time", "--allow-private-addresses"];
        const server = await startServer({ database, project: true, flags });
        defer(() => server.stop());
        const account = { host: "127.0.0.1", port: smtp.port, security: "none", from_address: "hello@collab.example" };
        await server.setChannel("email", account, { sandbox: false });
        await server.knock.workflows.trigger("mention", {
          recipients: [{ id: "ada", name: "Ada", email: "ada@collab.example" }],
          data: { document: "d", url: "https://collab.example", comment: "c" },
        });
        await eventually("the first attempt was refused", () => smtp.refused.length === 1);
        assert.equal(smtp.mails.length, 0);
        await server.advance("PT10M");
        await eventually("the second attempt arrived", () => smtp.mails.length === 1);
        assert.equal(smtp.mails[0].message_id, smtp.refused[0].message_id);
      });
    });
  });
}
