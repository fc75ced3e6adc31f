// Keys, limits and money in the real runtime, through the front door: whatever many callers do at once, limits hold,
// a budget is never exceeded, and what is counted is what the provider bills.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "./until.mjs";
import { ADMIN_TOKEN, startWorker } from "./worker.mjs";

const MASTER_KEY = "MARK-master-key-of-these-tests";
const SECRET = "sk-test-MARK-secret-of-the-vault";
const ENV_KEY = "sk-test-MARK-key-of-the-environment";
const WORDS = 8;

/** A provider that keeps its own bill: each chunk of a stream tells what it has written so far. */
async function startBiller() {
  const bills = [];
  const seen = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks));
    seen.push({ headers: request.headers, body });
    if (body.model === "refuses") {
      const message = `Incorrect API key provided: ${request.headers.authorization}.`;
      return response.writeHead(401, { "content-type": "application/json" }).end(JSON.stringify({ error: { message, type: "invalid_request_error", param: null, code: "invalid_api_key" } }));
    }
    const bill = { model: body.model, input: 10 + (seen.length % 7), output: 0 };
    bills.push(bill);
    const usage = () => ({ prompt_tokens: bill.input, completion_tokens: bill.output, total_tokens: bill.input + bill.output });
    const head = { id: "c", created: 1, model: body.model };
    if (!body.stream) {
      bill.output = 1 + (seen.length % body.max_tokens);
      const message = { role: "assistant", content: "word" };
      return response.writeHead(200, { "content-type": "application/json" }).end(
        JSON.stringify({ ...head, object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }], usage: usage() }),
      );
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const write = (choice) => response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, finish_reason: null, delta: {}, ...choice }], usage: usage() })}\n\n`);
    const rests = body.model === "paid-rests" ? 1 + (seen.length % WORDS) : Infinity;
    for (let word = 1; word <= WORDS && !response.destroyed; word++) {
      bill.output += 5;
      write({ delta: { role: "assistant", content: word === rests ? "enough" : "w " } });
      // Nothing that is paid for is on its way when the caller leaves: of that, nobody could say who is to count it.
      while (word === rests && !response.destroyed) await sleep(20).then(() => response.write(": nothing new\n\n"));
      await sleep(5);
    }
    if (response.destroyed) return;
    write({ finish_reason: "stop" });
    response.end("data: [DONE]\n\n");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { bills, seen, url: `http://127.0.0.1:${server.address().port}/v1`, close: () => (server.closeAllConnections(), server.close()) };
}

describe("a caller's key", () => {
  let worker;
  let biller;
  let disk;
  const variables = { MASTER_KEY, REQUIRE_KEY: "true", OPENAI_API_KEY: ENV_KEY, LOG_RECORDS: "true" };
  before(async () => {
    disk = mkdtempSync(join(tmpdir(), "causeway-keys-"));
    biller = await startBiller();
    worker = await startWorker(variables, undefined, { disk });
    await made("credentials", { slug: "paid", provider: "openai", secret: SECRET, settings: { custom_host: biller.url } });
    for (const model of MODELS) await made("prices", { provider: "openai", ...model });
  });
  after(async () => {
    await worker?.stop();
    biller?.close();
    rmSync(disk, { recursive: true, force: true });
  });

  // As many picodollars a token as nobody would guess.
  const MODELS = [
    { model: "paid-a", input: "123.456789", output: "987.654321" },
    { model: "paid-b", input: "17.000003", output: "311.1" },
    { model: "paid-c", input: "999.999999", output: "0.000001" },
    { model: "paid-rests", input: "55.5", output: "444.44" },
  ];
  const admin = (method, path, body) =>
    fetch(`${worker.url}/admin/v1/${path}`, { method, headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" }, body: body && JSON.stringify(body) });
  const made = async (path, body) => {
    const answer = await admin("POST", path, body);
    assert.equal(answer.status, 201, await answer.clone().text());
    return answer.json();
  };
  const ask = (key, body, more = {}) =>
    fetch(`${worker.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...more.headers },
      body: JSON.stringify({ messages: [{ role: "user", content: "Say a word, please, and then some more of them." }], max_tokens: 50, ...body }),
      signal: more.signal,
    });
  const sandbox = (key, more) => ask(key, { model: "sandbox/echo", ...more });
  const standing = (id) => worker.meter(`key:${id}`, "standing");

  test("lets exactly a hundred of 64 callers' requests pass where a hundred may in a minute", async () => {
    const { key } = await made("keys", { name: "hundred", limits: [{ type: "requests", per: "minute", max: 100 }] });
    const callers = Array.from({ length: 64 }, async () => [(await sandbox(key)).status, (await sandbox(key)).status]);
    const statuses = (await Promise.all(callers)).flat();
    assert.deepEqual([statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 429).length], [100, 28]);
    const refused = await sandbox(key);
    assert.match((await refused.json()).error.message, /key `hundred` has reached its limit of 100 requests per minute/);
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
  });

  test("never spends more than its budget, and what is spent is what the provider bills", async () => {
    const { id, key } = await made("keys", { name: "dollar", budgets: [{ usd: "1.00", per: "total" }], allow: { credentials: ["paid"] } });
    let refused = 0;
    const one = async (number) => {
      const stream = number % 3 !== 0;
      const { model } = MODELS[number % 10 === 0 ? 3 : number % 3];
      const leaves = new AbortController();
      // Asked for its usage a stream passes by itself, else it is changed on its way.
      const usage = stream && number % 4 < 2 && { stream_options: { include_usage: true } };
      const answer = await ask(key, { model, stream, ...usage }, { signal: leaves.signal });
      if (answer.status === 429) {
        refused++;
        assert.equal((await answer.json()).error.code, "insufficient_quota");
        return;
      }
      assert.equal(answer.status, 200);
      if (!stream || model !== "paid-rests") return void (await answer.text());
      // One who leaves after some words, while the provider rests.
      let heard = "";
      for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
        heard += piece;
        if (heard.includes("enough")) break;
      }
      leaves.abort();
    };
    for (let round = 0; refused < 8 && round < 40; round++) {
      await Promise.all(Array.from({ length: 32 }, (_, number) => one(round * 32 + number)));
      const now = (await standing(id)).budgets[0];
      assert.ok(Number(now.spent) <= 1, `spent ${now.spent}`);
    }
    assert.ok(refused > 0, "the budget was never used up");
    const settled = await until(async () => ((await standing(id)).budgets[0].held === "0" ? standing(id) : undefined), "the end of all leases");
    const cost = ({ model, input, output }) => {
      const price = MODELS.find((known) => known.model === model);
      const pico = (text) => BigInt(Math.round(Number(text) * 1e6));
      return BigInt(input) * pico(price.input) + BigInt(output) * pico(price.output);
    };
    const billed = biller.bills.reduce((sum, bill) => sum + cost(bill), 0n);
    const [whole, rest = ""] = settled.budgets[0].spent.split(".");
    const spent = BigInt(whole) * 10n ** 12n + BigInt(rest.padEnd(12, "0"));
    assert.equal(spent, billed, `${settled.budgets[0].spent} spent of ${biller.bills.length} bills`);
    assert.ok(spent <= 10n ** 12n);
  });

  test("is refused by the request after it was revoked, and knows its limits after a restart", async () => {
    const { id, key } = await made("keys", { name: "short", limits: [{ type: "requests", per: "day", max: 3 }] });
    assert.equal((await sandbox(key)).status, 200);
    assert.equal((await sandbox(key)).status, 200);
    await until(async () => ((await standing(id)).limits[0].left === 1 ? true : undefined), "the count of two");
    await worker.stop();
    worker = await startWorker(variables, undefined, { disk });
    assert.equal((await sandbox(key)).status, 200);
    assert.equal((await sandbox(key)).status, 429);
    const other = await made("keys", { name: "gone" });
    assert.equal((await sandbox(other.key)).status, 200);
    assert.equal((await admin("DELETE", `keys/${other.id}`)).status, 204);
    const refused = await sandbox(other.key);
    assert.equal(refused.status, 401, await refused.text());
  });

  test("and no secret is told by anything", async (t) => {
    // The storage of these tests forgets with its process.
    assert.equal((await admin("POST", "republish")).status, 200);
    const posts = [];
    const hook = createServer(async (request, response) => {
      posts.push(request.url + JSON.stringify(request.headers));
      for await (const chunk of request) posts.push(chunk.toString());
      response.end();
    });
    await new Promise((resolve) => hook.listen(0, "127.0.0.1", resolve));
    t.after(() => (hook.closeAllConnections(), hook.close()));
    const webhook = `http://127.0.0.1:${hook.address().port}/`;
    const { id, key } = await made("keys", { name: "marked", budgets: [{ usd: "5", per: "day", alerts: [0.001], webhook, unpriced: "allow" }] });
    const told = [];
    // What is asked is nobody's business either.
    const messages = [{ role: "user", content: "MARK-of-the-prompt" }];
    const secrets = [ADMIN_TOKEN, key];
    const asked = (body, more) => ask(key, { messages, ...body }, more);
    let passed = 0;
    const hear = async (answer) => {
      if (answer.status === 200) passed++;
      told.push(JSON.stringify([...answer.headers]), await answer.text());
    };
    await hear(await asked({ model: "@paid/paid-a" }));
    await hear(await asked({ model: "@paid/refuses" }));
    await hear(await asked({ model: "@paid/paid-b", stream: true }));
    await hear(await asked({ model: "@paid/unpriced" }));
    await hear(await asked({ model: "@none/paid-a" }));
    await hear(await ask(`${key.slice(0, -1)}_`, { model: "@paid/paid-a" }));
    await hear(await asked({ model: "gpt-4o" }, { headers: { "x-causeway-config": "{broken" } }));
    await hear(await asked({ model: "@paid/paid-a" }, { headers: { "x-causeway-config": '{"cache":{"mode":"simple"}}' } }));
    await hear(await asked({ model: "@paid/paid-a" }, { headers: { "x-causeway-config": '{"cache":{"mode":"simple"}}' } }));
    await hear(await fetch(`${worker.url}/v1/proxy/@paid/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "paid-a", messages, max_tokens: 50 }),
    }));
    assert.equal(passed, 6);
    for (const name of ["idempotent", "idempotent"]) {
      const made = await fetch(`${worker.url}/admin/v1/keys`, { method: "POST", headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json", "idempotency-key": name }, body: '{"name":"twice"}' });
      secrets.push((await made.json()).key);
    }
    await admin("POST", `keys/${id}/rotate`, { overlap_seconds: 60 }).then(async (made) => secrets.push((await made.json()).key));
    for (const path of ["usage?by=key", "usage?by=model", "usage?by=credential", "openapi.json", "prices", "teams"]) await hear(await admin("GET", path));
    for (const path of ["keys", `keys/${id}`, "credentials", "credentials/paid", "audit", "configs"]) await hear(await admin("GET", path));
    await hear(await admin("PATCH", "credentials/paid", { priority: 5 }));
    await hear(await admin("POST", "credentials", { slug: "paid", provider: "openai", secret: SECRET }));
    for (const path of ["/v1/models", "/healthz?bindings", "/nowhere"]) await hear(await fetch(worker.url + path, { headers: { authorization: `Bearer ${key}` } }));
    await until(() => posts.length >= 2 || undefined, "the alert");
    // What the Durable Objects keep, and whatever they wrote on the way there.
    const files = readdirSync(disk, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const objects = files.map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
    assert.ok(objects.some((text) => text.includes("marked")), "what the objects keep was not seen");
    const printed = [worker.output.text, ...worker.output.records.map((record) => JSON.stringify(record))];
    const everything = [...told, ...printed, ...posts, await worker.kept(), ...objects].join("\n");
    for (const mark of ["MARK", ...secrets]) {
      const at = everything.indexOf(mark);
      assert.equal(at, -1, everything.slice(Math.max(0, at - 300), at + 100));
    }
    assert.ok(biller.seen.every(({ headers }) => !JSON.stringify(headers).includes(key)));
    assert.ok(biller.seen.every(({ headers }) => headers.authorization === `Bearer ${SECRET}`));
  });
});
