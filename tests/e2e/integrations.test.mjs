// JSON-RPC of Census and Hightouch through the official client.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { databases } from "./harness/databases.mjs";
import { startServer } from "./harness/server.mjs";

for (const database of databases()) {
  describe(`integrations on ${database.name}`, () => {
    let server;
    before(async () => {
      server = await startServer({ database });
    });
    after(() => server?.stop());

    const destinations = [
      ["Census", (body) => server.knock.integrations.census.customDestination(body)],
      ["Hightouch", (body) => server.knock.integrations.hightouch.embeddedDestination(body)],
    ];
    for (const [name, call] of destinations) {
      it(`answers ${name}, and its mistakes, as JSON-RPC`, async () => {
        const tested = await call({ jsonrpc: "2.0", id: "1", method: "test_connection", params: {} });
        assert.deepEqual([tested.jsonrpc, tested.id], ["2.0", "1"]);
        assert.equal(tested.result?.success, true, JSON.stringify(tested));
        const unknown = await call({ jsonrpc: "2.0", id: "2", method: "no_such_method" });
        assert.equal(unknown.id, "2");
        assert.equal(unknown.error.code, -32601);
        assert.equal(unknown.result, undefined);
      });
    }
  });
}
