// Configs in the running Worker: which target is asked, what comes after it fails, and what the answer says of it.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import { stage } from "./pairs.mjs";
import { post } from "./raw.mjs";
import { HI, director, heard } from "./targets.mjs";
import { until } from "./until.mjs";
import { PLAIN } from "./upstream/answers.mjs";
import { startUpstream } from "./upstream.mjs";
import { startWorker } from "./worker.mjs";

const scene = stage();
const { target, absent, modelOf, asked, fallback, ask } = director(scene);

function answered(answer, path, attempts) {
  assert.equal(answer.status, 200, answer.body);
  assert.deepEqual(heard(answer), { text: PLAIN, ended: "end" });
  assert.deepEqual([answer.told("target"), answer.told("attempts")], [path, String(attempts)]);
}

describe("fallback", () => {
  const FAILURES = {
    "a 503": () => target("status-503"),
    "a 400": () => target("status-400"),
    "a connection that is refused": () => absent(),
    "a connection that breaks off": () => target("gone"),
    "silence until the request's timeout": () => target("hang", { request_timeout: 100 }),
    "a 200 with broken JSON": () => target("garbled"),
    "a 200 with nothing in it": () => target("empty"),
    "a 200 with HTML": () => target("html-200"),
    "a 503 whose words never end": () => target("mumbles-503", { request_timeout: 100 }),
    "a redirect": () => target("redirect-1"),
  };
  for (const [name, make] of Object.entries(FAILURES)) {
    for (const stream of [false, true]) {
      test(`goes on after ${name}, ${stream ? "streamed" : "whole"}`, async () => {
        const [bad, good] = [await make(), target("plain")];
        answered(await ask(fallback(bad, good), { stream }), "config.targets[1]", 2);
        assert.ok(asked(bad) <= 1);
        assert.equal(asked(good), 1);
      });
    }
  }

  test("goes on only on the statuses that it is told", async () => {
    const [first, second, third] = [target("status-500"), target("status-429"), target("plain")];
    const config = { strategy: { mode: "fallback", on_status_codes: [500] }, targets: [first, second, third] };
    const answer = await ask(config);
    assert.equal(answer.status, 429);
    assert.match(answer.body, /own words for 429/);
    assert.deepEqual([answer.told("target"), answer.told("attempts"), asked(third)], ["config.targets[1]", "2", 0]);
  });

  test("gives the last failure when all fail, in the caller's dialect", async () => {
    const answer = await ask(fallback(target("status-503"), target("status-429", {}, "anthropic")));
    assert.equal(answer.status, 429);
    assert.match(JSON.parse(answer.body).error.message, /own words for 429/);
    assert.equal(answer.headers.get("retry-after"), "7");
    assert.equal(answer.told("attempts"), "2");
  });

  test("goes to a provider that speaks another dialect", async () => {
    for (const stream of [false, true]) {
      const config = fallback(target("status-503"), target("plain", {}, "anthropic"));
      answered(await ask(config, { stream, body: { max_tokens: 64 } }), "config.targets[1]", 2);
      answered(await ask(fallback(target("status-503", {}, "anthropic"), target("plain")), { stream, caller: "messages" }), "config.targets[1]", 2);
    }
  });

  test("leaves a record of each attempt", async () => {
    const [bad, good] = [target("status-503"), target("plain")];
    await ask(fallback(bad, good));
    const { attempts } = await scene.worker.record(modelOf(good));
    const told = attempts.map(({ target, chosen, status, model }) => [target, chosen, status, model]);
    assert.deepEqual(told, [
      ["config.targets[0]", "fallback", 503, modelOf(bad)],
      ["config.targets[1]", "fallback", 200, modelOf(good)],
    ]);
    assert.ok(attempts[0].left && !attempts[1].left);
  });

  test("sends no target the key of another, nor the gateway's own headers", async () => {
    const [first, second] = [target("status-503", { api_key: "sk-one" }), target("plain", { api_key: "sk-two" }, "anthropic")];
    await ask(fallback(first, second), { body: { max_tokens: 64 } });
    const [one, two] = [await scene.upstream.got(modelOf(first)), await scene.upstream.got(modelOf(second))];
    assert.equal(one.headers.authorization, "Bearer sk-one");
    assert.equal(two.headers["x-api-key"], "sk-two");
    for (const { headers } of [one, two]) assert.doesNotMatch(JSON.stringify(headers), /x-causeway|sk-caller|fallback/);
    assert.doesNotMatch(JSON.stringify(two.headers), /sk-one/);
  });
});

describe("loadbalance", () => {
  test("divides requests by weight", async () => {
    const [much, little, none] = [target("plain", { weight: 3 }), target("plain", { weight: 1 }), target("plain", { weight: 0 })];
    const config = { strategy: { mode: "loadbalance" }, targets: [much, little, none] };
    await Promise.all(Array.from({ length: 200 }, () => ask(config)));
    assert.equal(asked(much) + asked(little), 200);
    assert.equal(asked(none), 0);
    // 150 is expected, 6 its deviation.
    assert.ok(asked(much) > 115 && asked(much) < 185, `${asked(much)} of 200`);
  });

  test("goes to the rest when its pick fails", async () => {
    const config = { strategy: { mode: "loadbalance" }, targets: [target("status-503", { weight: 1e6 }), target("plain", { weight: 1e-6 })] };
    answered(await ask(config), "config.targets[1]", 2);
  });

  test("keeps who is the same with the same target", async () => {
    const sides = [target("plain"), target("plain")];
    const strategy = { mode: "loadbalance", sticky: { enabled: true, hash_fields: ["metadata._user"] } };
    const seen = new Map();
    for (const user of Array.from({ length: 60 }, (_, at) => `u${at % 20}`)) {
      const answer = await ask({ strategy, targets: sides }, { headers: { "x-causeway-metadata": JSON.stringify({ _user: user }) } });
      const side = answer.told("target");
      assert.equal(seen.get(user) ?? side, side, user);
      seen.set(user, side);
    }
    assert.equal(new Set(seen.values()).size, 2);
  });
});

describe("conditional", () => {
  const named = (name) => target("plain", { name });
  const strategy = {
    mode: "conditional",
    conditions: [
      { query: { "metadata.plan": { $eq: "paid" }, "metadata.tests": { $exists: false } }, then: "best" },
      { query: { "params.max_tokens": { $gt: 1000 } }, then: "long" },
      { query: { $or: [{ model: { $regex: "^claude" } }, { "headers.x-team": { $in: ["red", "blue"] } }] }, then: "other" },
    ],
    default: "usual",
  };
  const CASES = [
    ["the metadata", { headers: { "x-causeway-metadata": '{"plan":"paid"}' } }, 0],
    ["the metadata in Portkey's spelling", { headers: { "x-portkey-metadata": '{"plan":"paid"}' } }, 0],
    ["a parameter", { body: { max_tokens: 2000 } }, 1],
    ["the model", { body: { model: "claude-sonnet-4-5" } }, 2],
    ["a header", { headers: { "x-team": "blue" } }, 2],
    ["nothing that holds", { headers: { "x-causeway-metadata": '{"plan":"paid","tests":"1"}' } }, 3],
  ];
  for (const [name, request, at] of CASES) {
    test(`chooses by ${name}`, async () => {
      const targets = ["best", "long", "other", "usual"].map(named);
      const answer = await ask({ strategy, targets }, request);
      assert.equal(answer.status, 200, answer.body);
      assert.deepEqual(targets.map(asked), targets.map((_, other) => Number(other === at)));
    });
  }

  test("says so when nothing holds and there is no default", async () => {
    const { conditions } = strategy;
    const answer = await ask({ strategy: { mode: "conditional", conditions }, targets: ["best", "long", "other"].map(named) });
    assert.equal(answer.status, 400);
    assert.match(JSON.parse(answer.body).error.message, /condition/);
  });
});

describe("quality", () => {
  test("goes to the target whose answers callers think better of", async () => {
    const config = { strategy: { mode: "quality" }, targets: [target("plain"), target("plain")] };
    const score = (trace_id, value) =>
      post(scene.worker.url, "/v1/feedback", { authorization: "Bearer sk-caller" }, { trace_id, value });
    for (const stream of [false, true]) {
      for (let at = 0; at < 10; at++) {
        const trace = `quality-${stream}-${at}`;
        const answer = await ask(config, { stream, headers: { "x-causeway-trace-id": trace } });
        const scored = await score(trace, answer.told("target") === "config.targets[0]" ? 10 : -10);
        assert.equal(scored.status, 200, scored.body);
      }
    }
    const [before] = config.targets.map(asked);
    for (let at = 0; at < 40; at++) await ask(config);
    const share = asked(config.targets[0]) - before;
    assert.ok(share > 33, `${share} of 40`);
  });
});

describe("cost and latency", () => {
  test("ask the cheapest first, by the catalog, and then the next", async () => {
    const priced = (model) => ({ ...target("plain"), override_params: { model } });
    const config = { strategy: { mode: "cost" }, targets: [priced("gpt-4o"), priced("gpt-4o-mini"), target("plain")] };
    answered(await ask(config), "config.targets[1]", 1);
    const [dear, cheap] = [priced("gpt-4o"), { ...priced("gpt-4o-mini"), ...(await absent()), override_params: { model: "gpt-4o-mini" } }];
    answered(await ask({ ...config, targets: [dear, cheap] }), "config.targets[0]", 2);
  });

  test("ask the fastest, once each is known", async () => {
    const [slow, fast] = [target("slow-6"), target("plain")];
    const config = { strategy: { mode: "latency" }, targets: [slow, fast] };
    for (let time = 0; time < 24; time += 1) assert.equal((await ask(config)).status, 200);
    // One in twenty is drawn by chance.
    assert.ok(asked(slow) >= 1 && asked(slow) <= 8, `the slow one was asked ${asked(slow)} times`);
  });
});

test("strategies nest, and targets inherit what they do not set", async () => {
  const [worst, bad, good] = [target("status-500"), target("status-503"), target("plain")];
  const bare = ({ override_params }) => ({ override_params: { ...override_params, temperature: 0.5 } });
  const { provider, api_key, custom_host } = good;
  const config = {
    provider,
    api_key,
    custom_host,
    override_params: { seed: 7 },
    strategy: { mode: "conditional", conditions: [{ query: { "metadata.plan": "paid" }, then: "paid" }], default: "free" },
    targets: [
      { name: "free", ...bare(worst) },
      {
        name: "paid",
        strategy: { mode: "fallback" },
        targets: [
          { strategy: { mode: "loadbalance" }, targets: [bare(worst), bare(bad)] },
          { strategy: { mode: "fallback" }, targets: [bare(bad), { strategy: { mode: "single" }, targets: [bare(good)] }] },
        ],
      },
    ],
  };
  const answer = await ask(config, { headers: { "x-causeway-metadata": '{"plan":"paid"}' } });
  answered(answer, "config.targets[1].targets[1].targets[1].targets[0]", 4);
  const { headers, body } = await scene.upstream.got(modelOf(good));
  assert.deepEqual([headers.authorization, body.seed, body.temperature], ["Bearer sk-target", 7, 0.5]);
});

test("targets nest as deep as anybody needs", async () => {
  let config = target("plain");
  for (let depth = 0; depth < 48; depth += 1) {
    const mode = ["fallback", "loadbalance", "single", "cost", "latency"][depth % 5];
    config = { strategy: { mode }, targets: [config] };
  }
  answered(await ask(config), `config${".targets[0]".repeat(48)}`, 1);
  const deeper = await ask({ strategy: { mode: "single" }, targets: [config] });
  assert.match(JSON.parse(deeper.body).error.message, /at most 48 deep/);
});

test("names in camel case are read too", async () => {
  const { provider, api_key: apiKey, custom_host: customHost, override_params: overrideParams } = target("plain");
  const config = { strategy: { mode: "fallback", onStatusCodes: [503] }, targets: [target("status-503"), { provider, apiKey, customHost, overrideParams }] };
  answered(await ask(config), "config.targets[1]", 2);
});

test("a target's parameters are set, filled in and left out", async () => {
  const only = target("plain", { default_params: { temperature: 0.1, top_p: 0.5 }, drop_params: ["seed"] });
  only.override_params.user = "u1";
  await ask({ ...only }, { body: { temperature: 0.9, seed: 1, user: "u2" } });
  const { temperature, top_p, seed, user } = (await scene.upstream.got(modelOf(only))).body;
  assert.deepEqual({ temperature, top_p, seed, user }, { temperature: 0.9, top_p: 0.5, seed: undefined, user: "u1" });
});

describe("retries", () => {
  test("are made as often as asked, and counted", async () => {
    const only = target("status-503,wait-1,times-2", { retry: { attempts: 3 } });
    const answer = await ask(only);
    answered(answer, "config", 3);
    assert.equal(answer.told("retries"), "2");
    assert.equal(asked(only), 3);
  });

  test("end with the provider's own words", async () => {
    const only = target("status-503,wait-1", { retry: { attempts: 2 } });
    const answer = await ask(only);
    assert.equal(answer.status, 503);
    assert.match(answer.body, /own words for 503/);
    assert.deepEqual([asked(only), answer.told("attempts"), answer.told("retries")], [3, "3", "2"]);
  });

  test("are made on the statuses that are told, and on no others", async () => {
    const [not, yes] = [target("status-503,wait-1", { retry: { attempts: 2, on_status_codes: [500] } }), target("status-418,wait-1,times-1", { retry: { attempts: 2, on_status_codes: [418] } })];
    assert.equal((await ask(not)).status, 503);
    assert.equal(asked(not), 1);
    assert.equal((await ask(yes)).status, 200);
    assert.equal(asked(yes), 2);
  });

  for (const [words, least, most] of [["wait-300", 300, 900], ["after-1", 1000, 1900], ["date-2", 900, 2900]]) {
    test(`wait as long as the provider asks (${words})`, async () => {
      const answer = await ask(target(`status-429,${words},times-1`, { retry: { attempts: 1 } }));
      assert.equal(answer.status, 200);
      assert.ok(answer.ms >= least && answer.ms < most, `${answer.ms} ms`);
    });
  }

  test("are not made when the provider asks for more patience than there is, and another is asked at once", async () => {
    const answer = await ask(fallback(target("status-429,after-600", { retry: { attempts: 1 } }), target("plain")));
    answered(answer, "config.targets[1]", 2);
    assert.ok(answer.ms < 500);
  });

  test("come before the next target, also for a connection that is refused", async () => {
    const answer = await ask(fallback(await absent({ retry: { attempts: 1 } }), target("plain")));
    answered(answer, "config.targets[1]", 3);
    assert.equal(answer.told("retries"), "1");
  });
});

describe("a config's slug", () => {
  test("finds what is saved under it", async () => {
    const config = fallback(target("status-503"), target("plain"));
    await scene.worker.store("config:pc-saved", JSON.stringify(config));
    for (let time = 0; time < 3; time += 1) answered(await ask("pc-saved"), "config.targets[1]", 2);
  });

  test("takes its key nowhere but where it says itself", async () => {
    const only = target("plain");
    await scene.worker.store("config:pc-bound", JSON.stringify(only));
    const headers = { "x-causeway-custom-host": `http://localhost:${scene.upstream.port}/elsewhere/v1` };
    assert.equal((await ask("pc-bound", { headers })).status, 200);
    assert.equal((await scene.upstream.got(modelOf(only))).path, "/v1/chat/completions");
    assert.equal((await ask(only, { headers })).status, 404);
  });

  test("that does not exist, or holds what is no config, is told", async () => {
    const missing = await ask("pc-none");
    assert.equal(missing.status, 400);
    assert.match(JSON.parse(missing.body).error.message, /pc-none/);
    await scene.worker.store("config:pc-wrong", '{"strategy":{"mode":"fallbck"},"targets":[{}]}');
    const wrong = await ask("pc-wrong");
    assert.match(JSON.parse(wrong.body).error.message, /config\.strategy\.mode.*fallback/);
  });

});

test("what is wrong in a config is told with its place and the nearest name", async () => {
  const CASES = [
    [{ strategy: { mode: "fallback" }, targets: [{ provider: "opnai" }] }, /config\.targets\[0\]\.provider.*openai/],
    [{ strategy: { mode: "fallback" }, targets: [] }, /config\.targets/],
    [{ provider: "openai", retry: { attemps: 3 } }, /config\.retry.*attempts/],
    ["{ this is not", /JSON/],
  ];
  for (const [config, words] of CASES) {
    const answer = await ask(config);
    assert.equal(answer.status, 400);
    assert.match(JSON.parse(answer.body).error.message, words);
  }
});

test("X-Provider passes a config by", async () => {
  const [bad, good] = [target("plain"), target("plain")];
  const headers = { "x-provider": "anthropic", "x-causeway-custom-host": `${scene.upstream.url}/v1` };
  const model = "claude-sonnet-4-5:plain,tag-bypass";
  const answer = await ask(fallback(bad, good), { headers, body: { model, max_tokens: 64 } });
  assert.equal(answer.status, 200, answer.body);
  assert.deepEqual([asked(bad), asked(good), answer.told("provider"), answer.told("attempts")], [0, 0, "anthropic", "1"]);
});

test("callers of Portkey's spelling hear of it in Portkey's names", async () => {
  const config = fallback(target("status-503,wait-1", { retry: { attempts: 1 } }), target("status-500,wait-1,times-1", { retry: { attempts: 2 } }));
  const { status, headers, told } = await ask(undefined, { headers: { "x-portkey-config": JSON.stringify(config), "x-portkey-trace-id": "trace-1" } });
  assert.equal(status, 200);
  const names = ["trace-id", "provider", "cache-status", "retry-attempt-count", "last-used-option-index", "target", "attempts"];
  assert.deepEqual(names.map((name) => headers.get(`x-portkey-${name}`)), ["trace-1", "openai", "DISABLED", "1", "config.targets[1]", "config.targets[1]", "4"]);
  assert.equal(told("target"), null);
  const vain = await ask(undefined, { headers: { "x-portkey-config": JSON.stringify(target("status-503,wait-1", { retry: { attempts: 2 } })) } });
  assert.deepEqual([vain.status, vain.headers.get("x-portkey-retry-attempt-count")], [503, "-1"]);
});

describe("a circuit breaker", () => {
  const breaker = (...targets) => ({ strategy: { mode: "fallback", cb_config: { failure_threshold: 2, cooldown_interval: 300 } }, targets });

  test("leaves a target alone that failed, and tries it again later", async () => {
    const [bad, good] = [target("status-500,times-3"), target("plain")];
    const config = breaker(bad, good);
    for (const attempts of [2, 2, 1, 1]) answered(await ask(config), "config.targets[1]", attempts);
    assert.equal(asked(bad), 2);
    await new Promise((resolve) => setTimeout(resolve, 320));
    // The probe fails: it is left alone anew.
    answered(await ask(config), "config.targets[1]", 2);
    answered(await ask(config), "config.targets[1]", 1);
    await new Promise((resolve) => setTimeout(resolve, 320));
    for (let time = 0; time < 2; time += 1) answered(await ask(config), "config.targets[0]", 1);
    assert.deepEqual([asked(bad), asked(good)], [5, 6]);
  });

  test("tries the least bad when all are left alone", async () => {
    const config = breaker(target("status-500,times-2"), target("status-500,times-2"));
    for (let time = 0; time < 2; time += 1) assert.equal((await ask(config)).status, 500);
    answered(await ask(config), "config.targets[0]", 1);
  });
});

describe("what a circuit breaker goes by", () => {
  const isolates = { worker: undefined, upstream: undefined };
  const twin = { worker: undefined, upstream: undefined };
  before(async () => {
    const [worker, upstream] = await Promise.all([startWorker({}, undefined, { twin: true }), startUpstream()]);
    Object.assign(isolates, { worker, upstream });
    Object.assign(twin, { worker: { ...worker, url: worker.twin }, upstream });
  });
  after(async () => {
    await isolates.worker?.stop();
    await isolates.upstream?.close();
  });
  const { target, ask, asked } = director(isolates);
  const breaker = (...targets) => ({ strategy: { mode: "fallback", cb_config: { failure_threshold: 4, cooldown_interval: 60_000 } }, targets });

  test("is what all isolates have seen, within seconds", async () => {
    const bad = target("status-500");
    const config = breaker(bad, target("plain"));
    for (let time = 0; time < 4; time += 1) answered(await ask(config), "config.targets[1]", 2);
    answered(await ask(config), "config.targets[1]", 1);
    // The other learns of it by its own first request, and would need four failures of its own.
    const heard = async () => (await director(twin).ask(config)).told("attempts") === "1" || sleep(300);
    await until(heard, "word from the other isolate", 5_000);
    assert.ok(asked(bad) < 8, `asked ${asked(bad)} times`);
    answered(await director(twin).ask(config), "config.targets[1]", 1);
  });

  test("is also how streams end", async () => {
    const bad = target("cut-fin");
    const config = breaker(bad, target("plain"));
    for (let time = 0; time < 4; time += 1) {
      const answer = await ask(config, { stream: true });
      assert.deepEqual([answer.told("target"), answer.told("attempts")], ["config.targets[0]", "1"]);
    }
    const left = async () => (await ask(config, { stream: true })).told("target") === "config.targets[1]" || sleep(300);
    await until(left, "the other target");
    assert.ok(asked(bad) <= 6, `asked ${asked(bad)} times`);
  });
});

describe("the openai client", () => {
  const client = (config) => new OpenAI({ apiKey: "sk-caller", baseURL: `${scene.worker.url}/v1`, defaultHeaders: { "x-causeway-config": JSON.stringify(config) }, maxRetries: 0, timeout: 5_000 });

  test("knows nothing of a failover, whole or streamed", async () => {
    const whole = await client(fallback(target("status-503"), target("plain"))).chat.completions.create({ model: "gpt-4o", messages: HI });
    assert.equal(whole.choices[0].message.content, PLAIN);
    const stream = client(fallback(target("status-503"), target("dressed"), target("plain"))).chat.completions.stream({ model: "gpt-4o", messages: HI });
    assert.equal((await stream.finalChatCompletion()).choices[0].message.content, PLAIN);
  });

  test("gets its own error when every target failed", async () => {
    const { chat } = client(fallback(await absent(), target("status-429")));
    await assert.rejects(chat.completions.create({ model: "gpt-4o", messages: HI }), OpenAI.RateLimitError);
  });
});

test("a provider that never lets one connect is left at the request's timeout", async () => {
  // It accepts, and never says a word.
  const server = createServer(() => {});
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const silent = target("plain", { custom_host: `http://127.0.0.1:${server.address().port}/v1`, request_timeout: 100 });
  const answer = await ask(fallback(silent, target("plain")));
  answered(answer, "config.targets[1]", 2);
  server.close();
});

describe("a deployment's own settings", () => {
  const own = stage({ DEFAULT_CONFIG: "pc-usual" });
  const { target, fallback, ask } = director(own);
  const other = stage({ OPENAI_API_KEY: "sk-one", ANTHROPIC_API_KEY: "sk-two", FALLBACK_MODELS: "gpt-4o:status-503=claude-sonnet-4-5" });

  test("give callers without a config the usual one", async () => {
    await own.worker.store("config:pc-usual", JSON.stringify(fallback(target("status-503"), target("plain"))));
    answered(await ask(), "config.targets[1]", 2);
    answered(await ask(fallback(target("status-503"), target("status-500"), target("plain"))), "config.targets[2]", 3);
  });

  test("let one model stand in for another, each with its provider's key", async () => {
    const headers = { "x-causeway-custom-host": `${other.upstream.url}/v1`, authorization: "" };
    for (const stream of [false, true]) {
      const answer = await director(other).ask(undefined, { stream, headers, body: { model: "gpt-4o:status-503", max_tokens: 64 } });
      answered(answer, "config.targets[1]", 2);
      assert.deepEqual([answer.told("provider"), answer.told("model")], ["anthropic", "claude-sonnet-4-5"]);
    }
    const [one, two] = other.upstream.seen.slice(-2);
    assert.deepEqual([one.headers.authorization, two.headers["x-api-key"]], ["Bearer sk-one", "sk-two"]);
  });
});
