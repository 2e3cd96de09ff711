// Which methods of the official clients were called, so that a method nobody tests fails the run.
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import Knock from "@knocklabs/node";

const artifacts = join(dirname(fileURLToPath(import.meta.url)), "../artifacts");
/** One called method a line. The Python client's file is written by python/conftest.py, which also checks it. */
const calls = join(artifacts, "sdk-node-calls.txt");

/** `[name, resource, method]` of every method of every resource, for example `users.feeds.listItems`. */
function* methodsOf(client, prefix = "") {
  for (const [name, resource] of Object.entries(client)) {
    if (name === "_client" || !resource?._client) continue;
    const path = prefix + name;
    for (const method of Object.getOwnPropertyNames(Object.getPrototypeOf(resource))) {
      if (method !== "constructor") yield [`${path}.${method}`, resource, method];
    }
    yield* methodsOf(resource, `${path}.`);
  }
}

/** Makes `client` note every method that the server answered with success; returns it. */
export function recording(client) {
  mkdirSync(artifacts, { recursive: true });
  const noted = new Set();
  for (const [name, resource, method] of methodsOf(client)) {
    const original = resource[method];
    resource[method] = function (...args) {
      const promise = original.apply(this, args);
      const note = () => {
        if (!noted.has(name)) appendFileSync(calls, `${name}\n`);
        noted.add(name);
      };
      // The answer itself stays unread for the caller; a refusal is the caller's to handle and counts for nothing.
      promise.asResponse().then(note, () => {});
      return promise;
    };
  }
  return client;
}

/** Forgets what earlier runs called. */
export function forgetCalls() {
  rmSync(calls, { force: true });
}

/** The methods of the Node client that no test called with success since `forgetCalls`. */
export function uncalledMethods() {
  const called = new Set(existsSync(calls) ? readFileSync(calls, "utf8").split("\n") : []);
  const client = new Knock({ apiKey: "sk_test_of_nobody" });
  return [...methodsOf(client)].map(([name]) => name).filter((name) => !called.has(name));
}
