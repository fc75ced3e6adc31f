// The exact cache with real KV: what one isolate was answered, another gives again.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { route } from "./callers.mjs";
import { open, post } from "./raw.mjs";
import { until } from "./until.mjs";
import { PLAIN } from "./upstream/answers.mjs";
import { startUpstream } from "./upstream.mjs";
import { startWorker } from "./worker.mjs";

const KEY = { authorization: "Bearer sk-caller-key" };
const DOORS = { openai: "/v1/chat/completions", anthropic: "/v1/messages" };
const CACHE = { "x-causeway-config": JSON.stringify({ cache: { mode: "simple", max_age: 3600 } }) };

describe("the cache", () => {
  let worker;
  let upstream;
  before(async () => {
    [worker, upstream] = await Promise.all([startWorker({}, undefined, { twin: true }), startUpstream()]);
  });
  after(async () => {
    await worker?.stop();
    await upstream?.close();
  });

  const ask = (client, provider, model, { stream = false, at = worker.url, headers = {} } = {}) => {
    const body = { model, stream, messages: [{ role: "user", content: "Hi" }], ...(client === "anthropic" ? { max_tokens: 64 } : {}) };
    return post(at, DOORS[client], { ...KEY, ...CACHE, ...route(provider, upstream), ...headers }, body);
  };
  const status = (answer) => answer.headers.get("x-causeway-cache");
  const asked = (model) => upstream.seen.filter((seen) => seen.model === model).length;
  const stored = async () => (await (await fetch(`${worker.kv}/?prefix=cache:`)).json()).keys.map(({ name }) => name);
  /** Until one more answer lies in the storage than there were. */
  const kept = (before) => until(async () => ((await stored()).length > before ? true : undefined), "an answer in the storage");

  const PAIRS = [["openai", "openai"], ["anthropic", "anthropic"], ["openai", "anthropic"], ["anthropic", "openai"]];
  for (const [client, provider] of PAIRS) {
    for (const stream of [false, true]) {
      test(`keeps ${stream ? "a stream" : "an answer"} of ${provider} for ${client} callers of both kinds, in both isolates`, async () => {
        const model = `${client}-${provider}-${stream}:plain`;
        const before = (await stored()).length;
        const first = await ask(client, provider, model, { stream });
        assert.deepEqual([first.status, status(first)], [200, "MISS"], first.body);
        await kept(before);
        for (const at of [worker.url, worker.twin]) {
          for (const again of [false, true]) {
            const answer = await ask(client, provider, model, { stream: again, at });
            assert.deepEqual([answer.status, status(answer), answer.headers.get("x-causeway-cost")], [200, "HIT", "0"], answer.body);
            assert.equal(textOf(client, again, answer.body), PLAIN);
          }
        }
        assert.equal(asked(model), 1);
        const { cache, cost, attempts } = await worker.record(model);
        assert.deepEqual([cache, cost, attempts.length, attempts[0].asked], ["hit", "0", 1, false]);
      });
    }
  }

  test("shows nothing of an answer to whoever reads the storage", async () => {
    for (const name of await stored()) {
      const bytes = Buffer.from(await (await fetch(`${worker.kv}/${encodeURIComponent(name)}`)).arrayBuffer());
      for (const word of ["Hello", "plain", "choices", "content", "openai"]) assert.ok(!bytes.includes(word), word);
    }
  });

  test("is apart for each key and namespace, and is filled anew on demand", async () => {
    const model = "apart:plain";
    const before = (await stored()).length;
    await ask("openai", "openai", model);
    await kept(before);
    for (const [headers, expected] of [
      [{}, "HIT"],
      [{ authorization: "Bearer sk-other" }, "MISS"],
      [{ "x-causeway-cache-namespace": "n" }, "MISS"],
      [{ "x-portkey-cache-namespace": "m" }, "MISS"],
      [{ "x-causeway-cache-force-refresh": "true" }, "REFRESH"],
      [{ "x-causeway-config": "{}" }, "DISABLED"],
    ]) {
      const answer = await ask("openai", "openai", model, { headers });
      const spelling = Object.keys(headers).some((name) => name.startsWith("x-portkey-")) ? "x-portkey-cache-status" : "x-causeway-cache";
      assert.equal(answer.headers.get(spelling), expected, JSON.stringify(headers));
    }
  });

  test("keeps nothing of a stream that broke off, or that its caller left", async () => {
    const before = (await stored()).length;
    for (const words of ["cut", "broken"]) {
      for (const [client, provider] of PAIRS) {
        assert.equal(status(await ask(client, provider, `${client}-${provider}-broken:${words}`, { stream: true })), "MISS");
      }
    }
    const body = { model: "left:long,slow-20", stream: true, messages: [{ role: "user", content: "Hi" }] };
    const caller = open(worker.port, DOORS.openai, { ...KEY, ...CACHE, ...route("openai", upstream) }, body);
    await until(() => caller.received.includes("word3") || undefined, "a few words");
    caller.socket.resetAndDestroy();
    assert.equal((await worker.record("left:long,slow-20")).outcome, "abandoned");
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal((await stored()).length, before);
  });

  test("has the same requests in flight wait for the first, in whichever isolate, and lets them go when it fails", async () => {
    const together = { "x-causeway-config": JSON.stringify({ cache: { max_age: 60, coalesce: true } }) };
    const crowd = (model) => {
      const one = (_, n) => ask("openai", "openai", model, { stream: n % 2 === 0, at: n % 3 === 0 ? worker.twin : worker.url, headers: together });
      return Promise.all(Array.from({ length: 12 }, one));
    };
    const served = await crowd("crowd:long,slow-2");
    assert.equal(asked("crowd:long,slow-2"), 1);
    assert.deepEqual(served.map(status).sort(), [...Array(11).fill("HIT"), "MISS"]);
    assert.ok(served.every(({ body }) => body.includes("word399")));
    const failed = await crowd("crowd:status-400");
    assert.ok(failed.every(({ status }) => status === 400));
    assert.equal(asked("crowd:status-400"), 12);
  });

  test("serves the official client, streamed and not", async () => {
    const client = new OpenAI({ apiKey: "sk-caller-key", baseURL: `${worker.url}/v1`, defaultHeaders: { ...CACHE, ...route("anthropic", upstream) }, maxRetries: 0 });
    const tools = [{ type: "function", function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
    const request = { model: "official:parallel", messages: [{ role: "user", content: "Hi" }], tools };
    const before = (await stored()).length;
    const first = await client.chat.completions.stream(request).finalChatCompletion();
    await kept(before);
    const whole = await client.chat.completions.create(request);
    const again = await client.chat.completions.stream(request).finalChatCompletion();
    const calls = (answer) => answer.choices[0].message.tool_calls.map(({ id, function: { name, arguments: input } }) => [id, name, JSON.parse(input)]);
    assert.equal(calls(first).length, 2);
    assert.deepEqual(calls(whole), calls(first));
    assert.deepEqual(calls(again), calls(first));
    assert.deepEqual([whole.id, again.id], [first.id, first.id]);
    assert.equal(asked("official:parallel"), 1);
  });
});

/** What an answer or a stream says. */
function textOf(client, stream, body) {
  if (!stream) return client === "openai" ? JSON.parse(body).choices[0].message.content : JSON.parse(body).content[0].text;
  const events = [...body.matchAll(/^data: ?(\{.*?)\r?$/gm)].map(([, data]) => JSON.parse(data));
  return events.map((event) => (client === "openai" ? event.choices[0]?.delta.content : event.delta?.text) ?? "").join("");
}
