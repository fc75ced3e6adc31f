// The meters in the real runtime: many callers at once, the death of the process, alarms, webhooks.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { until } from "./until.mjs";
import { startWorker } from "./worker.mjs";

const MASTER_KEY = "the master key of these tests";

let disk;
let worker;

async function restart() {
  await worker?.stop();
  worker = await startWorker({ MASTER_KEY }, undefined, { disk });
}

before(async () => {
  disk = mkdtempSync(join(tmpdir(), "causeway-meters-"));
  await restart();
});

after(async () => {
  await worker?.stop();
  rmSync(disk, { recursive: true, force: true });
});

const define = (holder, definition) => worker.meter(holder, "define", { version: 1, ...definition });
const ask = (holder, lease, more = {}) => worker.meter(holder, "ask", { version: 1, lease, requests: 1, ...more });
const settle = (holder, lease, more = {}) => worker.meter(holder, "settle", { lease, requests: 1, ...more });
const count = (verdicts, word) => verdicts.filter((verdict) => verdict[word]).length;

test("of 64 callers who ask twice, a hundred pass where a hundred may in a minute", async () => {
  await define("key:minute", { limits: [{ type: "requests", per: "minute", max: 100 }] });
  const callers = Array.from({ length: 64 }, async (_, caller) => [await ask("key:minute", `${caller}.1`), await ask("key:minute", `${caller}.2`)]);
  const verdicts = (await Promise.all(callers)).flat();
  assert.deepEqual([count(verdicts, "granted"), count(verdicts, "refused")], [100, 28]);
  for (const { refused } of verdicts.filter((verdict) => verdict.refused)) {
    assert.deepEqual(refused.by, { limit: { what: "requests", per: "minute", max: 100, asked: 1 } });
    assert.ok(refused.retry_ms > 30_000 && refused.retry_ms <= 60_000, `${refused.retry_ms}`);
  }
});

test("nothing is forgotten when the process is killed while it counts", async () => {
  const used = { provider: "openai", model: "gpt", input: 10, output: 1, metadata: [["_user", "anna"]] };
  await define("team:a", { limits: [{ type: "requests", per: "day", max: 40 }], budgets: [{ usd: "1", per: "total" }] });
  let known = { granted: 0, spent: 0 };
  for (let life = 0; life < 3; life++) {
    const leases = Array.from({ length: 20 }, (_, number) => `${life}.${number}`);
    const verdicts = await Promise.all(leases.map((lease) => ask("team:a", lease, { usd: "0.01" })));
    known.granted += count(verdicts, "granted");
    // Half of them are settled, the rest is still held.
    await Promise.all(leases.slice(0, 10).map((lease) => settle("team:a", lease, { usd: "0.005", used })));
    known.spent += verdicts.slice(0, 10).filter((verdict) => verdict.granted).length;
    await restart();
  }
  assert.equal(known.granted, 40);
  const { limits, budgets, usage } = await worker.meter("team:a", "standing");
  assert.equal(limits[0].left, 0);
  assert.deepEqual([budgets[0].spent, budgets[0].held], [String(known.spent * 5 / 1000), "0.2"]);
  assert.deepEqual([usage.total.requests, usage.metadata._user.anna.usd], [known.spent, String(known.spent * 5 / 1000)]);
  // What was settled once is, after all of that.
  await settle("team:a", "0.0", { usd: "0.5" });
  assert.equal((await worker.meter("team:a", "standing")).budgets[0].spent, String(known.spent * 5 / 1000));
});

test("a changed definition holds from the next request on, and a deleted one", async () => {
  await define("key:changing", {});
  assert.ok((await ask("key:changing", "a")).granted);
  const definition = { version: 2, name: "changed" };
  await define("key:changing", definition);
  assert.deepEqual(await ask("key:changing", "b"), { stale: definition });
  await worker.meter("key:changing", "define", null);
  assert.deepEqual(await ask("key:changing", "b"), "gone");
  await restart();
  assert.deepEqual(await ask("key:changing", "b"), "gone");
  assert.equal(await worker.meter("key:changing", "recall"), null);
});

test("what nobody settles is free again by itself", async () => {
  await define("key:lost", { budgets: [{ usd: "1", per: "total" }] });
  assert.ok((await ask("key:lost", "a", { usd: "1", lasts_ms: 500 })).granted);
  assert.ok((await ask("key:lost", "b", { usd: "1" })).refused);
  const usage = async () => (await worker.meter("key:lost", "standing")).usage;
  const lost = await until(async () => (await usage()).total.lost, "the end of a lease");
  assert.deepEqual(lost, { leases: 1, usd: "1" });
  assert.ok((await ask("key:lost", "b", { usd: "1" })).granted);
});

test("an alert is posted, signed, and again where it was not taken", async () => {
  const posts = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    posts.push({ headers: request.headers, body, method: request.method, url: request.url });
    // First it fails, then it points elsewhere, which nobody follows.
    response.writeHead(posts.length === 1 ? 500 : posts.length === 2 ? 302 : 204, { location: "/elsewhere" }).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const webhook = `http://127.0.0.1:${server.address().port}/hook?to=me`;
    await define("team:alerted", { budgets: [{ usd: "1", per: "month", alerts: [0.5], webhook }] });
    await ask("team:alerted", "a", { usd: "0.7" });
    await settle("team:alerted", "a", { usd: "0.7" });
    await until(() => posts.length === 1, "the alert");
    // It survives a restart.
    await restart();
    await until(() => posts.length === 2, "the alert again");
    const key = Buffer.from(createHmac("sha256", MASTER_KEY).update("causeway webhooks").digest());
    for (const { headers, body, method, url } of posts) {
      assert.deepEqual([method, url, headers["content-type"]], ["POST", "/hook?to=me", "application/json"]);
      const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
      assert.equal(headers["webhook-signature"], `v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
      assert.ok(Math.abs(headers["webhook-timestamp"] - Date.now() / 1000) < 60);
      const { type, holder, share, spent, max, id } = JSON.parse(body);
      assert.deepEqual([type, holder, share, spent, max], ["budget.threshold", "team:alerted", 0.5, "0.7", "1"]);
      assert.equal(id, headers["webhook-id"]);
    }
    assert.equal(new Set(posts.map((post) => post.body)).size, 1);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
