// Portkey's own client, unmodified but for its base URL: whoever comes from there changes nothing else.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import portkey from "portkey-ai";
import { modelOf, stage } from "./pairs.mjs";
import { HI, director } from "./targets.mjs";
import { until } from "./until.mjs";
import { PLAIN } from "./upstream/answers.mjs";
import { vectorOf } from "./upstream/errands.mjs";
import { ADMIN_TOKEN } from "./worker.mjs";

const { Portkey, createHeaders } = portkey;
const scene = stage();
const { target, absent, modelOf: modelAt, asked, fallback } = director(scene);

const client = (options) => new Portkey({ baseURL: `${scene.worker.url}/v1`, ...options });
/** One of a provider by its key, as it is used without any config. */
const keyed = (provider, options) =>
  client({ provider, Authorization: "sk-caller", customHost: `${scene.upstream.url}/v1`, ...options });
const text = (answer) => answer.choices[0].message.content;
const failure = (promise) => promise.then(() => assert.fail("it should have failed"), (error) => error);

async function streamed(promise) {
  const chunks = [];
  for await (const chunk of await promise) chunks.push(chunk);
  return { chunks, text: chunks.map((chunk) => chunk.choices?.[0]?.delta.content ?? "").join("") };
}

describe("a provider and its key", () => {
  for (const [name, Authorization] of [["as it is", "sk-caller"], ["with its scheme", "Bearer sk-caller"]]) {
    test(`are enough, the key ${name}`, async () => {
      const model = modelOf("openai", "plain");
      assert.equal(text(await keyed("openai", { Authorization }).chat.completions.create({ model, messages: HI })), PLAIN);
      const seen = await scene.upstream.got(model);
      assert.equal(seen.headers.authorization, "Bearer sk-caller");
      assert.deepEqual(Object.keys(seen.headers).filter((name) => /portkey|causeway/.test(name)), []);
    });
  }

  test("may be of a provider that speaks otherwise", async () => {
    const model = modelOf("anthropic", "plain");
    const answer = await keyed("anthropic").chat.completions.create({ model, messages: HI, max_tokens: 64 });
    assert.deepEqual([text(answer), answer.usage.total_tokens], [PLAIN, 30]);
    assert.equal((await scene.upstream.got(model)).headers["x-api-key"], "sk-caller");
  });

  test("are told of in the answer's headers", async () => {
    const answer = await keyed("openai", { traceID: "trace-7" }).chat.completions.create({ model: modelOf("openai", "plain"), messages: HI });
    const headers = answer.getHeaders();
    const names = ["trace-id", "provider", "cache-status", "retry-attempt-count", "last-used-option-index"];
    assert.deepEqual(names.map((name) => headers[name]), ["trace-7", "openai", "DISABLED", "0", "config"]);
  });

  for (const provider of ["openai", "anthropic"]) {
    test(`stream (${provider})`, async () => {
      for (const words of ["plain", "bytewise", "crlf", "comments"]) {
        const body = { model: modelOf(provider, words), messages: HI, stream: true, max_tokens: 64 };
        const { chunks, text } = await streamed(keyed(provider).chat.completions.create(body));
        assert.equal(text, PLAIN);
        assert.deepEqual(chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean), ["stop"]);
      }
    });
  }

  test("embed", async () => {
    const answer = await keyed("openai").embeddings.create({ model: "text-embedding-3-small", input: ["one", "and two"] });
    assert.deepEqual(answer.data.map(({ embedding }) => embedding), [vectorOf("one"), vectorOf("and two")]);
  });

  test("complete a text, and answer as OpenAI's responses and Anthropic's messages do", async () => {
    const completed = await keyed("openai").completions.create({ model: modelOf("openai", "echo"), prompt: "Once", max_tokens: 20 });
    assert.equal(completed.choices[0].text, "Once");
    const response = await keyed("openai").responses.create({ model: modelOf("openai", "plain"), input: "Hi" });
    assert.equal(response.output_text ?? response.output[0].content[0].text, PLAIN);
  });

  test("may be named for one call alone", async () => {
    const model = modelOf("anthropic", "plain");
    const { chat } = keyed("openai");
    assert.equal(text(await chat.completions.create({ model, messages: HI, max_tokens: 64 }, { provider: "anthropic" })), PLAIN);
  });

  test("list what there is", async () => {
    const models = await keyed("openai").models.list();
    assert.ok(models.data.length > 0);
  });
});

describe("errors", () => {
  test("have the provider's status and words", async () => {
    for (const [status, name] of [[400, "BadRequestError"], [401, "AuthenticationError"], [429, "RateLimitError"], [503, "InternalServerError"]]) {
      const model = modelOf("openai", `status-${status}`);
      const error = await failure(keyed("openai").chat.completions.create({ model, messages: HI }));
      assert.deepEqual([error.constructor.name, error.status], [name, status]);
      assert.match(error.error.error.message, new RegExp(`own words for ${status}`));
      // The client repeats by itself what no gateway has put its mark on.
      assert.equal(scene.upstream.all(model).length, 1);
    }
  });

  test("say what is wrong with a config", async () => {
    const error = await failure(client({ config: { strategy: { mode: "fallbak" }, targets: [{}] } }).chat.completions.create({ messages: HI }));
    assert.equal(error.status, 400);
    assert.match(error.error.error.message, /config\.strategy\.mode.*fallback/);
  });

  test("of a timeout have Portkey's status", async () => {
    const model = modelOf("openai", "hang");
    const error = await failure(keyed("openai", { requestTimeout: 100 }).chat.completions.create({ model, messages: HI }));
    assert.deepEqual([error.status, error.error.error.type], [408, "timeout_error"]);
  });

  test("inside a stream are shown as such", async () => {
    const { chunks } = await streamed(keyed("openai").chat.completions.create({ model: modelOf("openai", "broken"), messages: HI, stream: true }));
    assert.match(chunks.at(-1).error.message, /broke down/);
    const cut = await streamed(keyed("openai").chat.completions.create({ model: modelOf("openai", "cut-rst"), messages: HI, stream: true }));
    assert.ok(cut.chunks.at(-1).error);
  });
});

describe("a config", () => {
  test("falls back", async () => {
    const [bad, none, good] = [target("status-503"), await absent(), target("plain")];
    const { chat } = client({ config: fallback(bad, none, good) });
    const answer = await chat.completions.create({ messages: HI, model: "gpt-4o" });
    assert.deepEqual([text(answer), answer.getHeaders()["last-used-option-index"]], [PLAIN, "config.targets[2]"]);
    const { text: said } = await streamed(chat.completions.create({ messages: HI, model: "gpt-4o", stream: true }));
    assert.deepEqual([said, asked(bad), asked(good)], [PLAIN, 2, 2]);
  });

  test("names the model, so that the call need not", async () => {
    const only = target("plain");
    const answer = await client({ config: fallback(only) }).chat.completions.create({ messages: HI });
    assert.deepEqual([text(answer), asked(only)], [PLAIN, 1]);
    const vectors = await client({ config: { ...only, override_params: { model: "text-embedding-3-small" } } }).embeddings.create({ input: "one" });
    assert.deepEqual(vectors.data[0].embedding, vectorOf("one"));
  });

  test("balances by weight", async () => {
    for (const weights of [[1, 0], [0, 1]]) {
      const targets = weights.map((weight) => target("plain", { weight }));
      const { chat } = client({ config: { strategy: { mode: "loadbalance" }, targets } });
      for (let time = 0; time < 5; time += 1) await chat.completions.create({ messages: HI, model: "gpt-4o" });
      assert.deepEqual(targets.map(asked), weights.map((weight) => 5 * weight));
    }
  });

  test("chooses by metadata", async () => {
    const targets = [target("plain", { name: "paid" }), target("plain", { name: "free" })];
    const conditions = [{ query: { "metadata.user_plan": { $eq: "paid" } }, then: "paid" }];
    const config = { strategy: { mode: "conditional", conditions, default: "free" }, targets };
    await client({ config, metadata: { user_plan: "paid", _user: "u1" } }).chat.completions.create({ messages: HI, model: "gpt-4o" });
    assert.deepEqual(targets.map(asked), [1, 0]);
    await client({ config }).chat.completions.create({ messages: HI, model: "gpt-4o" }, { metadata: { user_plan: "none" } });
    assert.deepEqual(targets.map(asked), [1, 1]);
  });

  test("retries", async () => {
    const only = target("status-503,wait-1,times-2", { retry: { attempts: 3, on_status_codes: [503] } });
    const answer = await client({ config: only }).chat.completions.create({ messages: HI, model: "gpt-4o" });
    assert.deepEqual([text(answer), asked(only), answer.getHeaders()["retry-attempt-count"]], [PLAIN, 3, "2"]);
  });

  test("waits as long as the provider asks, by either name of the setting", async () => {
    for (const name of ["use_retry_after_header", "use_retry_after_headers", "useRetryAfterHeaders"]) {
      const only = target("status-429,wait-300,times-1", { retry: { attempts: 1, [name]: true } });
      const started = performance.now();
      assert.equal(text(await client({ config: only }).chat.completions.create({ messages: HI, model: "gpt-4o" })), PLAIN);
      assert.ok(performance.now() - started >= 300, name);
    }
  });

  test("caches", async () => {
    const only = target("plain", { cache: { mode: "simple", max_age: 60 } });
    // The client keeps what it was told for one call.
    const ask = (options, more) => client({ config: only }).chat.completions.create({ messages: HI, model: "gpt-4o", ...more }, options);
    const status = async (options) => (await ask(options)).getHeaders()["cache-status"];
    assert.equal(await status(), "MISS");
    await until(async () => (await status()) === "HIT", "a hit");
    const before = asked(only);
    assert.equal(text(await ask()), PLAIN);
    assert.equal((await streamed(ask({}, { stream: true }))).text, PLAIN);
    assert.equal(asked(only), before);
    assert.equal(await status({ cacheForceRefresh: true }), "REFRESH");
    assert.equal(await status({ cacheNamespace: "user-123" }), "MISS");
    assert.equal(asked(only), before + 2);
  });

  test("keeps callers with one target by the fields of their session", async () => {
    const sides = [target("plain", { weight: 0.5 }), target("plain", { weight: 0.5 })];
    const config = { strategy: { mode: "loadbalance", sticky_session: { hash_fields: ["metadata.user_id"], ttl: 3600 } }, targets: sides };
    const side = async (user) => {
      const answer = await client({ config }).chat.completions.create({ messages: HI, model: "gpt-4o" }, { metadata: { user_id: `u${user}` } });
      return answer.getHeaders()["last-used-option-index"];
    };
    const users = Array.from({ length: 20 }, (_, at) => at);
    const first = await Promise.all(users.map(side));
    assert.equal(new Set(first).size, 2);
    assert.deepEqual(await Promise.all(users.map(side)), first);
  });

  test("times out at the nearest bound, which a fallback may wait for", async () => {
    const [slow, good] = [target("hang", { request_timeout: 100 }), target("plain")];
    const config = { request_timeout: 20_000, strategy: { mode: "fallback", on_status_codes: [408] }, targets: [slow, good] };
    assert.equal(text(await client({ config }).chat.completions.create({ messages: HI, model: "gpt-4o" })), PLAIN);
    const other = { ...config, targets: [target("status-500"), target("plain")] };
    assert.equal((await failure(client({ config: other }).chat.completions.create({ messages: HI, model: "gpt-4o" }))).status, 500);
  });

  test("goes with a provider and its key", async () => {
    const model = modelOf("openai", "status-503,wait-1,times-1");
    const config = { retry: { attempts: 1 } };
    assert.equal(text(await keyed("openai", { config }).chat.completions.create({ model, messages: HI })), PLAIN);
    assert.equal((await scene.upstream.got(model)).headers.authorization, "Bearer sk-caller");
  });

  test("may be saved, and be named for one call alone", async () => {
    const good = target("plain");
    await scene.worker.store("config:pc-client-1a2b3c", JSON.stringify(fallback(target("status-503"), good)));
    assert.equal(text(await client({ config: "pc-client-1a2b3c" }).chat.completions.create({ messages: HI, model: "gpt-4o" })), PLAIN);
    const other = target("plain");
    await client({ config: "pc-client-1a2b3c" }).chat.completions.create({ messages: HI, model: "gpt-4o" }, { config: other });
    assert.deepEqual([asked(good), asked(other)], [1, 1]);
  });

  test("holds for embeddings and images too", async () => {
    const host = { custom_host: `${scene.upstream.url}/v1`, provider: "openai", api_key: "sk-target" };
    const config = fallback(await absent(), host);
    const answer = await client({ config }).embeddings.create({ model: "text-embedding-3-small", input: "one" });
    assert.equal(answer.getHeaders()["last-used-option-index"], "config.targets[1]");
    const pictures = await client({ config: host }).images.generate({ model: "gpt-image-1", prompt: "A bridge" });
    assert.equal(pictures.data.length, 1);
    assert.equal(scene.upstream.seen.at(-1).headers.authorization, "Bearer sk-target");
  });
});

// As the guide to combining strategies has them, with providers of the vault.
describe("a config of saved providers", () => {
  const vault = stage({ MASTER_KEY: "the master key of this test", ADMIN_TOKEN });
  const of = (provider, words) => modelOf(provider, words);
  const asked = (model) => vault.upstream.all(model).length;
  const at = (slug, model) => ({ override_params: { model: `@${slug}/${model}` } });
  const ask = (config, body, options) =>
    new Portkey({ baseURL: `${vault.worker.url}/v1`, config }).chat.completions.create({ messages: HI, max_tokens: 64, ...body }, options);
  const index = (answer) => answer.getHeaders()["last-used-option-index"];

  before(async () => {
    for (const [slug, provider] of [["openai-prod", "openai"], ["openai-2", "openai"], ["anthropic-prod", "anthropic"]]) {
      const settings = { custom_host: `${vault.upstream.url}/v1` };
      const answer = await fetch(`${vault.worker.url}/admin/v1/credentials`, {
        method: "POST",
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
        body: JSON.stringify({ slug, provider, secret: `sk-of-${slug}`, settings }),
      });
      assert.equal(answer.status, 201, await answer.text());
    }
  });

  test("routes by the model's alias to a balancer of its own, with a net below it", async () => {
    const [first, second, net, direct] = [of("openai", "status-503"), of("openai", "status-503"), of("anthropic", "plain"), of("openai", "plain")];
    const config = {
      strategy: { mode: "conditional", conditions: [{ query: { "params.model": { $eq: "smartest" } }, then: "balanced" }], default: "direct" },
      targets: [
        {
          name: "balanced",
          strategy: { mode: "fallback", on_status_codes: [429, 500, 502, 503, 504] },
          targets: [
            { strategy: { mode: "loadbalance" }, targets: [{ ...at("openai-prod", first), weight: 1 }, { ...at("openai-2", second), weight: 1 }] },
            at("anthropic-prod", net),
          ],
        },
        { name: "direct", provider: `@openai-prod/${direct}` },
      ],
    };
    const answer = await ask(config, { model: "smartest" });
    assert.deepEqual([text(answer), index(answer)], [PLAIN, "config.targets[0].targets[1]"]);
    assert.deepEqual([first, second, net].map(asked), [1, 1, 1]);
    assert.equal((await vault.upstream.got(net)).headers["x-api-key"], "sk-of-anthropic-prod");
    assert.equal((await vault.upstream.got(second)).headers.authorization, "Bearer sk-of-openai-2");
    const other = await ask(config, { model: "fastest" });
    assert.deepEqual([text(other), index(other), asked(direct)], [PLAIN, "config.targets[1]", 1]);
    assert.equal((await vault.upstream.got(direct)).headers.authorization, "Bearer sk-of-openai-prod");
  });

  test("falls back to where the request's metadata lead, leg by leg", async () => {
    const [bad, eu, us] = [of("openai", "status-500"), of("openai", "plain"), of("anthropic", "plain")];
    const config = {
      strategy: { mode: "fallback" },
      targets: [
        { strategy: { mode: "loadbalance" }, targets: [{ strategy: { mode: "fallback" }, targets: [at("openai-prod", bad)], weight: 1 }] },
        {
          strategy: { mode: "conditional", conditions: [{ query: { "metadata.user_region": { $eq: "EU" } }, then: "eu-backup" }], default: "us-backup" },
          targets: [{ name: "eu-backup", ...at("openai-2", eu) }, { name: "us-backup", ...at("anthropic-prod", us) }],
        },
      ],
    };
    assert.equal(index(await ask(config, { model: "gpt-4o" }, { metadata: { user_region: "EU" } })), "config.targets[1].targets[0]");
    assert.equal(index(await ask(config, { model: "gpt-4o" })), "config.targets[1].targets[1]");
    assert.deepEqual([bad, eu, us].map(asked), [2, 1, 1]);
  });
});

describe("no key of a provider", () => {
  const own = stage({ OPENAI_API_KEY: "sk-own" });

  test("is what the client shows in place of one: the deployment's own counts", async () => {
    const { fallback } = director(own);
    const host = { customHost: `${own.upstream.url}/v1`, provider: "openai" };
    const portkey = new Portkey({ baseURL: `${own.worker.url}/v1`, apiKey: "pk-of-portkey", ...host });
    await portkey.chat.completions.create({ model: modelOf("openai", "plain"), messages: HI });
    assert.equal(own.upstream.seen.at(-1).headers.authorization, "Bearer sk-own");
    for (const apiKey of ["pk-of-portkey", undefined]) {
      const portkey = new Portkey({ baseURL: `${own.worker.url}/v1`, apiKey, ...host });
      await portkey.images.generate({ model: "gpt-image-1", prompt: "A bridge" });
      assert.equal(own.upstream.seen.at(-1).headers.authorization, "Bearer sk-own");
    }
    assert.ok(fallback);
  });
});

test("feedback is taken, one by one and in a list", async () => {
  const targets = [target("plain"), target("plain")];
  const config = { strategy: { mode: "quality" }, targets };
  const portkey = (traceID) => client({ config, traceID, Authorization: "sk-caller" });
  const [worse, better] = ["config.targets[0]", "config.targets[1]"];
  const judged = async (traceID) => {
    const answer = await portkey(traceID).chat.completions.create({ messages: HI, model: "gpt-4o" });
    return { traceID, value: answer.getHeaders()["last-used-option-index"] === better ? 10 : -10 };
  };
  for (let at = 0; at < 10; at++) {
    const told = await portkey().feedback.create({ ...(await judged(`pk-${at}`)), weight: 1, metadata: { by: "a reader" } });
    assert.deepEqual([told.status, told.message, told.feedback_ids.length], ["success", "Feedback successfully saved", 1]);
  }
  const several = [await judged("pk-10"), await judged("pk-11")].map(({ traceID, value }) => ({ trace_id: traceID, value }));
  assert.equal((await portkey().feedback.create(several)).feedback_ids.length, 2);
  const before = targets.map(asked);
  for (let at = 0; at < 30; at++) await judged(`pk-later-${at}`);
  const shares = targets.map((one, at) => asked(one) - before[at]);
  assert.ok(shares[1] > 24, `${worse}: ${shares[0]}, ${better}: ${shares[1]}`);
  assert.match((await failure(portkey().feedback.create({ traceID: "pk-1", value: 11 }))).message, /`value` must be/);
});

test("the headers that Portkey makes for other clients do as well", async () => {
  const good = target("plain");
  const headers = createHeaders({ config: fallback(target("status-503"), good), traceID: "t-1", metadata: { _user: "u1" }, strictOpenAiCompliance: false });
  const answer = await fetch(`${scene.worker.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "gpt-4o", messages: HI }),
  });
  assert.deepEqual([answer.status, answer.headers.get("x-portkey-trace-id"), text(await answer.json())], [200, "t-1", PLAIN]);
  assert.equal(modelAt(good), scene.upstream.seen.at(-1).model);
});
