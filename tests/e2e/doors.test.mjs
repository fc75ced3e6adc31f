// The routes themselves: what is there, what is not, and what is refused before any provider is asked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CALLERS } from "./callers.mjs";
import { stage } from "./pairs.mjs";
import { open } from "./raw.mjs";
import { until } from "./until.mjs";

const scene = stage();
const AUTH = { authorization: "Bearer sk-caller-key", "x-causeway-provider": "openai" };
const ROUTES = ["/v1/chat/completions", "/v1/messages"];

const ask = (path, options = {}) => fetch(scene.worker.url + path, options);
const post = (path, body, headers = {}) => ask(path, { method: "POST", headers: { "content-type": "application/json", ...AUTH, ...headers }, body });

/** An error in the dialect of the route. */
async function assertError(answer, status, path) {
  assert.equal(answer.status, status, path);
  assert.match(answer.headers.get("content-type"), /^application\/json/);
  assert.ok(answer.headers.get("x-causeway-request-id"));
  const body = await answer.json();
  if (path.includes("messages")) {
    assert.deepEqual([body.type, typeof body.error.type, typeof body.error.message], ["error", "string", "string"]);
  } else {
    assert.deepEqual(Object.keys(body.error).filter((key) => key !== "upstream").sort(), ["code", "message", "param", "type"]);
  }
  return body.error.message;
}

test("GET /healthz says that it lives, and its version", async () => {
  const answer = await ask("/healthz");
  assert.equal(answer.status, 200);
  assert.match((await answer.json()).version, /^\d+\.\d+\.\d+/);
});

test("GET /v1/models reads well in both clients", async () => {
  const openai = await CALLERS.openai({ url: scene.worker.url }).client.models.list();
  assert.ok(openai.data.some(({ id }) => id === "sandbox/echo"));
  const anthropic = await CALLERS.anthropic({ url: scene.worker.url }).client.models.list();
  assert.ok(anthropic.data.some(({ id }) => id === "sandbox/echo"));
});

test("the sandbox answers both clients with no provider key, whole and streamed", async () => {
  for (const client of Object.keys(CALLERS)) {
    const caller = CALLERS[client]({ url: scene.worker.url });
    const messages = [{ user: "Hello from the edge" }];
    for (const way of ["ask", "stream"]) {
      const answer = await caller[way]({ model: "sandbox/echo", messages });
      assert.deepEqual([answer.text, answer.finish], ["Hello from the edge", "end"], `${client} ${way}`);
      assert.ok(answer.usage.output > 0);
    }
  }
});

test("both routes are there with and without /v1", async () => {
  for (const path of ["/chat/completions", "/v1/chat/completions"]) {
    const answer = await post(path, JSON.stringify({ model: "sandbox/echo", messages: [{ role: "user", content: "Hi" }] }), { "x-causeway-provider": "sandbox" });
    assert.equal(answer.status, 200, path);
  }
});

test("an unknown route is 404 and a wrong method 405 with what is allowed", async () => {
  assert.match(await assertError(await post("/v1/nonsense", "{}"), 404, "/v1/nonsense"), /nonsense/);
  for (const path of ROUTES) {
    for (const method of ["GET", "DELETE", "PROPFIND"]) {
      const answer = await ask(path, { method });
      await assertError(answer, 405, path);
      assert.equal(answer.headers.get("allow"), "POST, OPTIONS");
    }
  }
});

test("a browser's preflight is granted, and its answers can be read", async () => {
  const origin = "https://app.example.com";
  const preflight = await ask("/v1/chat/completions", {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type,x-causeway-provider" },
  });
  assert.ok([200, 204].includes(preflight.status));
  const granted = preflight.headers.get("access-control-allow-headers").toLowerCase();
  assert.ok(granted === "*" || granted.includes("x-causeway-provider"), granted);
  assert.match(preflight.headers.get("access-control-allow-methods"), /POST/);
  for (const answer of [preflight, await post("/v1/chat/completions", "{}", { origin })]) {
    assert.ok(["*", origin].includes(answer.headers.get("access-control-allow-origin")));
  }
});

test("a page of another site reads errors, streams and what was done, with any key and no cookie", async () => {
  const origin = "https://app.example.com";
  const body = (model, more) => JSON.stringify({ model: `sandbox/${model}`, messages: [{ role: "user", content: "Hi" }], ...more });
  const sandbox = { origin, "x-causeway-provider": "sandbox" };
  for (const answer of [
    await post("/v1/chat/completions", body("echo"), sandbox),
    await post("/v1/chat/completions", body("echo", { stream: true }), sandbox),
    await post("/v1/chat/completions", body("status-429"), sandbox),
    await post("/v1/messages", "{", { origin }),
    await post("/v1/nonsense", "{}", { origin }),
    await ask("/v1/chat/completions", { headers: { origin } }),
    await ask("/v1/models", { headers: { origin } }),
  ]) {
    await answer.text();
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    // All but what a browser may never show.
    assert.equal(answer.headers.get("access-control-expose-headers"), "*");
    assert.equal(answer.headers.get("access-control-allow-credentials"), null);
  }
  const admin = await ask("/admin/v1/keys", { headers: { origin, authorization: "Bearer e2e-admin" } });
  assert.equal(admin.headers.get("access-control-allow-origin"), null);
});

test("a body that is no JSON object is 400 and nothing is asked of a provider", async () => {
  for (const path of ROUTES) {
    for (const body of ["", "{", "[]", "null", '"text"', "{}", '{"model":7,"messages":[]}']) {
      await assertError(await post(path, body, { "x-causeway-custom-host": `${scene.upstream.url}/v1` }), 400, path);
    }
  }
  assert.equal(scene.upstream.seen.length, 0);
});

test("a body of more than 20 MiB is 413, whether its length was told or not, and one just below is not", async () => {
  const sized = (bytes) => JSON.stringify({ model: "sandbox/status-418", max_tokens: 1, messages: [{ role: "user", content: "x".repeat(bytes) }] });
  const sandbox = { "x-causeway-provider": "sandbox" };
  for (const path of ROUTES) {
    const told = open(scene.worker.port, path, { ...AUTH, ...sandbox, "content-length": 21 << 20 }, {});
    await until(() => told.received.includes("\r\n\r\n"), "an answer before the body");
    assert.match(told.received, /^HTTP\/1\.1 413 /, path);
    told.socket.destroy();
    const untold = { method: "POST", headers: { ...AUTH, ...sandbox }, body: new Blob([sized(21 << 20)]).stream(), duplex: "half" };
    await assertError(await ask(path, untold), 413, path);
    assert.equal((await post(path, sized(19 << 20), sandbox)).status, 418, path);
  }
});

test("answers say who answered, with which model, in how many attempts, in the caller's spelling", async () => {
  const body = JSON.stringify({ model: "sandbox/echo", messages: [{ role: "user", content: "Hi" }] });
  const ours = await post("/v1/chat/completions", body, { "x-causeway-provider": "sandbox" });
  for (const [name, value] of [["provider", "sandbox"], ["attempts", "1"]]) assert.equal(ours.headers.get(`x-causeway-${name}`), value, name);
  for (const name of ["request-id", "trace-id", "model"]) assert.ok(ours.headers.get(`x-causeway-${name}`), name);
  const portkeys = await fetch(`${scene.worker.url}/v1/chat/completions`, { method: "POST", headers: { "x-portkey-provider": "sandbox", "x-portkey-trace-id": "t-1" }, body });
  assert.equal(portkeys.headers.get("x-portkey-trace-id"), "t-1");
  assert.equal(portkeys.headers.get("x-portkey-retry-attempt-count"), "0");
});

test("its storage answers, and says so when asked", async () => {
  const answer = await fetch(`${scene.worker.url}/healthz?bindings`);
  assert.equal(answer.status, 200);
  assert.deepEqual((await answer.json()).bindings, { KV: true, METER: true, REGISTRY: true });
});
