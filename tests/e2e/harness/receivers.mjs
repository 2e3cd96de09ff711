// The other side of e-mail and webhooks.
import { spawn } from "node:child_process";
import { createHmac, timingSafeEqual } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { eventually } from "./poll.mjs";
import { root } from "./server.mjs";

/** A real SMTP server: `mails` grows as they arrive. `options` go to smtp_receiver.py. */
export async function startSmtpReceiver(options = []) {
  const venv = join(root, ".venv/bin/python");
  const python = existsSync(venv) ? venv : "python3";
  const child = spawn(python, [join(root, "tests/e2e/smtp_receiver.py"), ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const receiver = { port: undefined, mails: [], refused: [] };
  createInterface({ input: child.stdout }).on("line", (line) => {
    const event = JSON.parse(line);
    if (event.event === "listening") receiver.port = event.port;
    if (event.event === "mail") receiver.mails.push(event);
    if (event.event === "refused") receiver.refused.push(event);
  });
  await eventually("the SMTP receiver listens", () => receiver.port);
  receiver.stop = () => {
    if (child.exitCode !== null) return undefined;
    const gone = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGTERM");
    return gone;
  };
  return receiver;
}

/**
 * An HTTP server: `requests` grows as they arrive. `answer` gets each request and returns `{status, headers, body}`,
 * all optional; an object as body is sent as JSON.
 */
export async function startHttpReceiver(answer) {
  const requests = [];
  const server = createServer((incoming, response) => {
    const chunks = [];
    incoming.on("data", (chunk) => chunks.push(chunk));
    incoming.on("end", () => {
      const { method, url, headers } = incoming;
      const request = { method, url, headers, body: Buffer.concat(chunks).toString("utf8") };
      requests.push(request);
      const { status = 200, headers: extra = {}, body = "ok" } = answer(request) ?? {};
      const isText = typeof body === "string";
      response.writeHead(status, { "content-type": isText ? "text/plain" : "application/json", ...extra });
      response.end(isText ? body : JSON.stringify(body));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const stop = () => {
    server.closeAllConnections?.();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url, requests, stop };
}

/** A receiver of webhooks at `url`. `statuses` are answered in turn, the last one for ever. */
export async function startWebhookReceiver(statuses = [200]) {
  let answered = 0;
  const receiver = await startHttpReceiver(() => {
    const status = statuses[Math.min(answered, statuses.length - 1)];
    answered += 1;
    return { status, headers: status >= 300 && status < 400 ? { location: "/elsewhere" } : {} };
  });
  return { ...receiver, url: `${receiver.url}/hooks` };
}

/** Checks `x-webhook-signature: t=<ms>,s=<base64 hmac-sha256(key, "<t>.<body>")>`; returns `t` or throws why not. */
export function verifySignature(header, body, key) {
  const parts = /^t=(\d+),s=([A-Za-z0-9+/]+=*)$/.exec(header ?? "");
  if (!parts) throw new Error(`x-webhook-signature is not of the form t=<ms>,s=<base64>: ${header}`);
  const want = createHmac("sha256", key).update(`${parts[1]}.${body}`).digest();
  const got = Buffer.from(parts[2], "base64");
  if (got.length !== want.length || !timingSafeEqual(got, want)) {
    throw new Error(`the signature does not fit the body that was received: ${header}`);
  }
  return Number(parts[1]);
}
