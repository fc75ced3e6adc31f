// The admin API in the real runtime: the registry's Durable Object, its transactions, its outbox, the storage.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { until } from "./until.mjs";
import { ADMIN_TOKEN, startWorker } from "./worker.mjs";

const CHAT = { model: "sandbox/echo", messages: [{ role: "user", content: "Hello" }] };

describe("the admin API", () => {
  let worker;
  let disk;
  before(async () => {
    disk = mkdtempSync(join(tmpdir(), "causeway-disk-"));
    worker = await startWorker({}, undefined, { disk, twin: true });
  });
  after(async () => {
    await worker?.stop();
    rmSync(disk, { recursive: true, force: true });
  });

  const admin = async (method, path, body, headers = {}) => {
    const answer = await fetch(`${worker.url}/admin/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...(body && { "content-type": "application/json" }), ...headers },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, etag: answer.headers.get("etag"), text, json: text ? JSON.parse(text) : null };
  };
  const stored = async (key) => {
    const answer = await fetch(`${worker.kv}/${encodeURIComponent(key)}`);
    return answer.status === 404 ? null : answer.text();
  };
  const chat = (headers) =>
    fetch(`${worker.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(CHAT) });

  test("keeps what it is told over a restart, and tells the storage at once", async () => {
    const team = await admin("POST", "teams", { slug: "red", name: "Red", limits: [{ type: "requests", per: "minute", max: 100 }] });
    assert.equal(team.status, 201, team.text);
    assert.equal(team.headers.get("x-causeway-pending"), null);
    const key = await admin("POST", "keys", { name: "CI", team: "red" });
    assert.equal(key.status, 201, key.text);
    assert.match(key.json.key, /^cw-[0-9A-Za-z]{61}$/);
    const credential = await admin("POST", "credentials", { slug: "main", provider: "openai", secret: "sk-proj-abcdefghijkl1234" });
    assert.deepEqual([credential.status, credential.json.hint], [201, "sk-proj…1234"]);
    assert.equal((await admin("POST", "configs", { slug: "kept", config: { provider: "sandbox" } })).status, 201);
    assert.equal((await admin("POST", "prices", { provider: "sandbox", model: "echo", input: "1", output: "2" })).status, 201);

    const published = JSON.parse(await stored(`key:${key.json.id}`));
    assert.deepEqual([published.team, published.version, published.secrets.length], ["red", 1, 1]);
    assert.equal(await stored("config:kept"), '{"provider":"sandbox"}');
    assert.equal(JSON.parse(await stored("credentials")).length, 1);
    assert.equal(JSON.parse(await stored("prices"))[0].input, "1");
    assert.equal(JSON.parse(await stored("team:red")).slug, "red");
    for (const name of [`key:${key.json.id}`, "credentials"]) {
      assert.ok(!(await stored(name)).includes("abcdefghijkl") && !(await stored(name)).includes(key.json.key));
    }

    const before = await Promise.all(["teams/red", `keys/${key.json.id}`, "credentials/main", "configs/kept", "prices", "audit"].map((path) => admin("GET", path)));
    await worker.stop();
    worker = await startWorker({}, undefined, { disk, twin: true });
    const again = await Promise.all(["teams/red", `keys/${key.json.id}`, "credentials/main", "configs/kept", "prices", "audit"].map((path) => admin("GET", path)));
    assert.deepEqual(again.map(({ json }) => json), before.map(({ json }) => json));
    assert.equal((await admin("DELETE", `keys/${key.json.id}`)).status, 204);
    assert.equal(await stored(`key:${key.json.id}`), null);
  });

  test("has a saved config used by the next request, and the one before it after a rollback", async () => {
    const model = async () => (await chat({ "x-causeway-config": "live" })).headers.get("x-causeway-model");
    assert.equal((await chat({ "x-causeway-config": "live" })).status, 400);
    const config = (name) => ({ provider: "sandbox", override_params: { model: name } });
    assert.equal((await admin("POST", "configs", { slug: "live", config: config("echo") })).status, 201);
    assert.equal(await model(), "echo");
    assert.equal((await admin("PATCH", "configs/live", { config: config("lorem") })).status, 200);
    assert.equal(await model(), "lorem");
    assert.equal((await admin("POST", "configs/live/rollback", { version: 1 })).status, 200);
    assert.equal(await model(), "echo");
    assert.equal((await admin("GET", "configs/live/versions")).json.data.length, 3);
    assert.equal((await admin("DELETE", "configs/live")).status, 204);
    assert.equal((await chat({ "x-causeway-config": "live" })).status, 400);
  });

  test("has a price used by the next request", async () => {
    const cost = async () => (await chat({})).headers.get("x-causeway-cost");
    const { json } = await admin("GET", "prices?provider=sandbox");
    for (const { id } of json.data) await admin("DELETE", `prices/${id}`);
    const { json: price } = await admin("POST", "prices", { provider: "sandbox", model: "echo", input: "1000000", output: "0" });
    const first = await cost();
    assert.ok(Number(first) >= 1, first);
    assert.equal((await admin("PATCH", `prices/${price.id}`, { input: "3000000" })).status, 200);
    assert.equal(Number(await cost()), 3 * Number(first));
  });

  test("makes keys that are good at once, and bad at once when they are revoked, in another isolate too", async () => {
    const { json } = await admin("POST", "keys", { name: "short-lived" });
    const status = async (at) => {
      const headers = { "content-type": "application/json", authorization: `Bearer ${json.key}` };
      return (await fetch(`${at}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify(CHAT) })).status;
    };
    const both = async () => [await status(worker.url), await status(worker.twin)];
    assert.deepEqual(await both(), [200, 200]);
    const { json: rotated } = await admin("POST", `keys/${json.id}/rotate`, { overlap_seconds: 60 });
    assert.notEqual(rotated.key, json.key);
    assert.deepEqual(await both(), [200, 200]);
    assert.equal((await admin("DELETE", `keys/${json.id}`)).status, 204);
    assert.deepEqual(await both(), [401, 401]);
  });

  test("lets one of two changes win that saw the same", async () => {
    const { etag } = await admin("POST", "teams", { slug: "blue" });
    const changes = ["a", "b", "c", "d"].map((name) => admin("PATCH", "teams/blue", { name }, { "if-match": etag }));
    const statuses = (await Promise.all(changes)).map(({ status }) => status).sort();
    assert.deepEqual(statuses, [200, 412, 412, 412]);
    const { json } = await admin("GET", "teams/blue");
    assert.equal(JSON.parse(await stored("team:blue")).name, json.name);
  });

  test("makes one key of a request that comes many times at once", async () => {
    const made = await Promise.all([1, 2, 3, 4].map(() => admin("POST", "keys", { name: "once" }, { "idempotency-key": "e2e" })));
    assert.deepEqual(new Set(made.map(({ status, json }) => `${status} ${json.key}`)).size, 1);
    assert.equal((await admin("GET", "keys?name=once")).json.data.length, 1);
  });

  test("takes many changes at once, and the storage ends with the last of each", async () => {
    await Promise.all(Array.from({ length: 40 }, (_, at) => admin("POST", "teams", { slug: `many-${at % 8}`, name: `${at}` })));
    await Promise.all(Array.from({ length: 40 }, (_, at) => admin("PATCH", `teams/many-${at % 8}`, { name: `now-${at}` })));
    for (let at = 0; at < 8; at++) {
      const { json } = await admin("GET", `teams/many-${at}`);
      const { name, version } = JSON.parse(await until(() => stored(`team:many-${at}`), "a team in the storage"));
      assert.deepEqual([name, version], [json.name, json.version]);
    }
  });

  test("says what the storage has not heard of yet, and tells it later", async () => {
    const failing = (on) => fetch(`${worker.kv}/?failing=${on}`, { method: "POST" });
    await failing(true);
    const made = await admin("POST", "teams", { slug: "late", name: "Late" });
    assert.deepEqual([made.status, made.headers.get("x-causeway-pending")], [201, "kv"]);
    const key = await admin("POST", "keys", {});
    // The meter knows, and it has the last word.
    assert.equal((await admin("DELETE", `keys/${key.json.id}`)).status, 204);
    assert.equal(await stored("team:late"), null);
    await failing(false);
    const told = await until(async () => (await stored("team:late")) ?? undefined, "the team in the storage");
    assert.equal(JSON.parse(told).name, "Late");
    assert.equal(await stored(`key:${key.json.id}`), null);
  });

  test("tells the storage all it should know again when that was lost", async () => {
    const { json } = await admin("POST", "keys", { name: "told again" });
    await admin("POST", "configs", { slug: "again", config: { provider: "sandbox" } });
    const { keys } = await (await fetch(`${worker.kv}/?prefix=`)).json();
    for (const { name } of keys) await fetch(`${worker.kv}/${encodeURIComponent(name)}`, { method: "DELETE" });
    assert.equal(await stored("config:again"), null);
    const told = await admin("POST", "republish");
    assert.deepEqual([told.status, told.headers.get("x-causeway-pending")], [200, null], told.text);
    assert.ok(told.json.republished >= 2);
    assert.equal(await stored("config:again"), '{"provider":"sandbox"}');
    assert.equal(JSON.parse(await stored(`key:${json.id}`)).name, "told again");
    for (const list of ["credentials", "prices"]) assert.ok(Array.isArray(JSON.parse(await stored(list))), list);
  });

  test("sums up what was used without a key, and with one that is gone", async () => {
    const used = async () => {
      const { json } = await admin("GET", "usage?by=model");
      return json.data.find(({ model }) => model === "sandbox/echo")?.requests ?? 0;
    };
    const { json } = await admin("POST", "keys", { name: "leaving" });
    const before = await used();
    assert.equal((await chat({ authorization: `Bearer ${json.key}` })).status, 200);
    await until(async () => (await used()) > before || undefined, "the use of the key");
    assert.equal((await admin("DELETE", `keys/${json.id}`)).status, 204);
    for (let count = 0; count < 3; count++) assert.equal((await chat({ "x-causeway-provider": "sandbox" })).status, 200);
    await until(async () => (await used()) >= before + 4 || undefined, "the use without a key");
    const gone = await admin("GET", "usage?by=key&deleted=true&limit=100");
    assert.ok(gone.json.data.some(({ key, requests }) => key === json.id && requests === 1), gone.text);
  });

  test("is closed to strangers and to pages of other sites", async () => {
    for (const headers of [{ authorization: "" }, { authorization: "Bearer wrong" }, { authorization: `Basic ${ADMIN_TOKEN}` }]) {
      assert.equal((await admin("GET", "keys", undefined, headers)).status, 401);
    }
    const foreign = await admin("POST", "keys", {}, { origin: "https://evil.example" });
    assert.deepEqual([foreign.status, foreign.headers.get("access-control-allow-origin")], [403, null]);
    assert.equal((await admin("GET", "keys", undefined, { origin: worker.url })).status, 200);
    const preflight = await fetch(`${worker.url}/admin/v1/keys`, {
      method: "OPTIONS",
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });
    assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-methods")], [403, null]);
    const plain = await fetch(`${worker.url}/admin/v1/keys`, { method: "POST", headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "text/plain" }, body: "{}" });
    assert.equal(plain.status, 415);
  });

  test("prints no secret", () => {
    for (const secret of [ADMIN_TOKEN, "abcdefghijkl1234"]) assert.ok(!worker.output.text.includes(secret));
  });
});
