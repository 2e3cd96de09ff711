// Starts the binary under test with pinned credentials, and speaks to it in all the ways its users do.
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import Knock from "@knocklabs/node";

import { recording } from "./coverage.mjs";
import { sqlite } from "./databases.mjs";
import { eventually } from "./poll.mjs";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
export const collab = join(root, "examples/collab");
const artifacts = join(root, "tests/e2e/artifacts");

/** A port that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/**
 * A running server on an empty database. `flags` are added to `serve`; `project: true` loads examples/collab.
 * The caller stops it in `after`.
 */
export async function startServer({ database = sqlite, flags = [], project = false } = {}) {
  const server = new Server(await freePort(), await database.create(), [
    ...flags,
    ...(project ? ["--project", collab] : []),
  ]);
  try {
    await server.start();
  } catch (error) {
    await server.discard();
    throw error;
  }
  return server;
}

class Server {
  #flags;
  #databaseURL;
  #dataDir = mkdtempSync(join(tmpdir(), "campanile-e2e-"));
  #child;
  #exit;

  constructor(port, databaseURL, flags) {
    this.port = port;
    this.baseURL = `http://127.0.0.1:${port}`;
    this.secretKey = `sk_test_${randomBytes(16).toString("hex")}`;
    this.publicKey = `pk_test_${randomBytes(16).toString("hex")}`;
    this.serviceToken = `st_${randomBytes(16).toString("hex")}`;
    this.#databaseURL = databaseURL;
    this.#flags = flags;
    mkdirSync(artifacts, { recursive: true });
    this.logFile = join(artifacts, `server-${port}.log`);
    /** The official client, told nothing but another address. Failures must show, so it does not retry. */
    this.knock = recording(
      new Knock({ baseURL: this.baseURL, apiKey: this.secretKey, maxRetries: 0, timeout: 20_000 }),
    );
  }

  async start() {
    const database = this.#databaseURL ? ["--database-url", this.#databaseURL] : [];
    const options = ["serve", "--listen", `127.0.0.1:${this.port}`, "--data-dir", this.#dataDir];
    const log = openSync(this.logFile, "a");
    this.#child = spawn(process.env.CAMPANILE_BIN, [...options, ...database, ...this.#flags], {
      env: {
        ...withoutCampanile(process.env),
        CAMPANILE_BOOTSTRAP_SECRET_KEY: this.secretKey,
        CAMPANILE_BOOTSTRAP_PUBLIC_KEY: this.publicKey,
        CAMPANILE_BOOTSTRAP_SERVICE_TOKEN: this.serviceToken,
      },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.#exit = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve({ error }));
      this.#child.on("exit", (code, signal) => resolve({ code, signal }));
    });
    const ended = this.#exit.then((exit) => {
      throw new Error(`the server ended before it was ready: ${JSON.stringify(exit)}\n${this.logTail()}`);
    });
    ended.catch(() => {}); // It ends some day, long after the race is decided.
    const isReady = async () => (await fetch(`${this.baseURL}/readyz`)).ok;
    await eventually(`${this.baseURL}/readyz answers 200`, isReady, { unless: ended });
  }

  /** Stops gracefully, insists on exit code 0, and removes the data. */
  async stop() {
    if (!this.#child) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 20_000);
    const exit = await this.#exit;
    clearTimeout(timer);
    rmSync(this.#dataDir, { recursive: true, force: true });
    if (exit.code !== 0) {
      throw new Error(`SIGTERM did not end the server gracefully: ${JSON.stringify(exit)}\n${this.logTail()}`);
    }
  }

  /** Kills without ceremony and removes the data. */
  async discard() {
    this.#child?.kill("SIGKILL");
    await this.#exit;
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  /** `kill -9`, then a start on the same data. */
  async killAndRestart() {
    this.#child.kill("SIGKILL");
    await this.#exit;
    await this.start();
  }

  logTail() {
    return `--- end of ${this.logFile}\n${readFileSync(this.logFile, "utf8").split("\n").slice(-30).join("\n")}`;
  }

  /** A raw request: `{status, headers, body}`, whatever the status. */
  async request(method, path, body, { key = this.secretKey, headers = {} } = {}) {
    const answer = await fetch(this.baseURL + path, {
      method,
      headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), "content-type": "application/json", ...headers },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    let parsed = text;
    try {
      parsed = JSON.parse(text);
    } catch {
      // Not JSON: the caller sees the text.
    }
    return { status: answer.status, headers: answer.headers, body: parsed };
  }

  /** A management or admin call that must succeed; returns its body. */
  async manage(method, path, body) {
    const answer = await this.request(method, path, body, { key: this.serviceToken });
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  /** Saves and publishes a workflow in development. */
  publish(key, workflow) {
    return this.manage("PUT", `/v1/workflows/${key}?environment=development&commit=true`, {
      workflow: { name: key, ...workflow },
    });
  }

  /** The id of a channel by its key. */
  async channelId(key) {
    const { entries } = await this.manage("GET", "/v1/channels");
    const channel = entries.find((entry) => entry.key === key);
    if (!channel) throw new Error(`GET /v1/channels has no ${key}: ${entries.map((entry) => entry.key)}`);
    return channel.id;
  }

  /** `campanile channels set`, as an operator would type it. */
  async setChannel(key, settings, { sandbox } = {}) {
    const options = Object.entries(settings).flatMap(([name, value]) => ["--setting", `${name}=${value}`]);
    if (sandbox !== undefined) options.push("--sandbox", String(sandbox));
    await promisify(execFile)(
      process.env.CAMPANILE_BIN,
      ["channels", "set", key, "--environment", "development", ...options].concat(
        ["--base-url", this.baseURL, "--service-token", this.serviceToken],
      ),
      { env: withoutCampanile(process.env) },
    );
  }

  /** Moves the virtual clock; returns what the server says has run. */
  advance(duration) {
    return this.manage("POST", "/v1/admin/clock", { advance: duration });
  }

  /** Moves the virtual clock to an instant. */
  advanceTo(instant) {
    return this.manage("POST", "/v1/admin/clock", { to: instant });
  }

  /** A bulk operation once it has ended, as `bulkOperations.get` shows it. */
  bulkEnd({ id }) {
    return eventually(`bulk operation ${id} ends`, async () => {
      const operation = await this.knock.bulkOperations.get(id);
      if (["completed", "failed"].includes(operation.status)) return operation;
      throw new Error(`it is ${operation.status}`);
    });
  }

  /** All messages of a run once `count` of them exist and none is on its way. */
  messagesOf(runId, count) {
    return eventually(`${count} finished messages of run ${runId}`, async () => {
      const page = await this.knock.messages.list({ workflow_run_id: runId });
      const moving = page.items.filter((m) => ["queued", "delivery_attempted"].includes(m.status));
      if (page.items.length >= count && moving.length === 0) return page.items;
      throw new Error(`has ${page.items.map((m) => `${m.channel.key} ${m.status}`).join(", ") || "none"}`);
    });
  }
}

// Nothing of the caller's own configuration may leak into the server under test.
function withoutCampanile(environment) {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("CAMPANILE_")));
}
