// Streams that fail: before their first word another target answers in their place, after it the caller is told. And
// time that runs out.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stage } from "./pairs.mjs";
import { assertSoon } from "./soon.mjs";
import { PASSAGES, director, heard } from "./targets.mjs";
import { until } from "./until.mjs";
import { PLAIN } from "./upstream/answers.mjs";

const scene = stage();
const { target, modelOf, asked, fallback, ask, send } = director(scene);

/** That the provider is soon left, not reckoning with what a failover takes that has nothing to wait for. */
const assertLeft = (run) =>
  assertSoon(async () => {
    const { ms: usual } = await ask(fallback(target("dressed"), target("plain")), { stream: true });
    return (await run()) - usual;
  });

for (const { caller, provider, way } of PASSAGES) {
  const of = (words, more) => target(words, more, provider);

  describe(`before the first word of a stream ${way}`, () => {
    const FAILURES = {
      "an error dressed as an answer": ["dressed"],
      "an error as the answer's status": ["status-529"],
      "JSON where there should be a stream, and broken": ["garbled"],
      "an end with nothing before it": ["empty"],
      "pings and nothing else": ["pings", { first_token_timeout: 150 }],
      "silence": ["hang", { first_token_timeout: 150 }],
    };
    for (const [name, [words, more]] of Object.entries(FAILURES)) {
      test(`${name}: another answers, and the caller never knows`, async () => {
        const run = async () => {
          const [bad, good] = [of(words, more), of("plain")];
          const started = performance.now();
          const answer = await ask(fallback(bad, good), { caller, stream: true });
          assert.equal(answer.status, 200, answer.body);
          assert.deepEqual(heard(answer), { text: PLAIN, ended: "end" });
          assert.doesNotMatch(answer.body, /broke down/);
          assert.deepEqual([answer.told("target"), answer.told("attempts"), answer.broken], ["config.targets[1]", "2", false]);
          return more && scene.upstream.wentOn(modelOf(bad), started + more.first_token_timeout);
        };
        await (more ? assertLeft(run) : run());
      });
    }

    test("nothing but failures are an error", async () => {
      const answer = await ask(fallback(of("dressed"), of("dressed")), { caller, stream: true });
      assert.deepEqual([heard(answer), answer.told("attempts")], [{ text: "", ended: "error" }, "2"]);
      assert.match(answer.body, /broke down/);
    });

    test("the target is asked again where it may be", async () => {
      const only = of("dressed,times-1", { retry: { attempts: 1, on_status_codes: [429, 500, 502, 503, 529] } });
      const answer = await ask(only, { caller, stream: true });
      assert.deepEqual([answer.status, heard(answer), asked(only)], [200, { text: PLAIN, ended: "end" }, 2]);
    });

    test("no first token in time is an error that says so", async () => {
      const only = of("pings", { first_token_timeout: 100 });
      const answer = await ask(only, { caller, stream: true });
      assert.equal(answer.status, 504);
      assert.match(JSON.parse(answer.body).error.message, /first_token_timeout/);
      await scene.upstream.left(modelOf(only));
    });
  });

  describe(`after the first word of a stream ${way}`, () => {
    for (const words of ["cut-fin", "cut-rst", "broken"]) {
      for (const more of [{}, { idle_timeout: 5_000 }]) {
        test(`a break (${words}) is told, and nobody else is asked${more.idle_timeout ? ", with a bound on idle time" : ""}`, async () => {
          const [bad, good] = [of(words, more), of("plain")];
          const answer = await ask(fallback(bad, good), { caller, stream: true });
          assert.equal(answer.status, 200);
          assert.deepEqual([heard(answer).ended, asked(good)], ["error", 0]);
          assert.ok(PLAIN.startsWith(heard(answer).text) && heard(answer).text, heard(answer).text);
          assert.equal((await scene.worker.record(modelOf(bad))).outcome, "failed");
        });
      }
    }

    for (const [name, more, words] of [["idle_timeout", { idle_timeout: 120 }], ["total_timeout", { total_timeout: 250 }]]) {
      test(`silence is told after the ${name}, and the provider is left`, async () => {
        await assertLeft(async () => {
          const only = of("long,silent", more);
          const started = performance.now();
          const answer = await ask(only, { caller, stream: true });
          assert.deepEqual([answer.status, heard(answer).ended], [200, "error"]);
          assert.match(answer.body, new RegExp(name));
          assert.ok(answer.ms < 5_000, `${answer.ms} ms`);
          return scene.upstream.wentOn(modelOf(only), started + answer.ms);
        });
      });
    }

    test("a stream that goes on is not cut by the idle_timeout", async () => {
      const answer = await ask(fallback(of("slow-300", { idle_timeout: 2_000 }), of("plain")), { caller, stream: true });
      assert.deepEqual([heard(answer), answer.told("attempts")], [{ text: PLAIN, ended: "end" }, "1"]);
    });

    test("one that was watched at the gate comes whole, whatever its pieces", async () => {
      for (const words of ["bytewise", "crlf", "comments", "long"]) {
        const answer = await ask(fallback(of(words), of("status-500")), { caller, stream: true });
        assert.equal(heard(answer).ended, "end", words);
        assert.match(heard(answer).text, words === "long" ? /^word0 .* word399$/ : /^Hello.*wörld\.$/);
      }
    });
  });
}

describe("a stream of which nobody keeps the record", () => {
  const unwatched = stage({ LOG_RECORDS: "false" });
  const { target, fallback, ask } = director(unwatched);

  for (const { caller, provider, way } of PASSAGES) {
    test(`comes whole after the gate, ${way}`, async () => {
      for (const words of ["plain", "bytewise", "long"]) {
        const config = fallback(target("dressed", {}, provider), target(words, {}, provider), target("status-500", {}, provider));
        const answer = await ask(config, { caller, stream: true });
        assert.deepEqual([heard(answer).ended, answer.told("attempts")], ["end", "2"]);
        assert.match(heard(answer).text, words === "long" ? /^word0 .* word399$/ : /^Hello.*wörld\.$/);
      }
      const cut = await ask(fallback(target("cut-fin", {}, provider), target("plain", {}, provider)), { caller, stream: true });
      assert.notEqual(heard(cut).ended, "end");
    });
  }
});

describe("total_timeout", () => {
  test("ends the tries, whatever is left to try", async () => {
    const targets = [target("hang"), target("plain")];
    const answer = await ask({ ...fallback(...targets), total_timeout: 200 });
    assert.equal(answer.status, 504);
    assert.match(JSON.parse(answer.body).error.message, /total_timeout/);
    assert.ok(answer.ms >= 190 && answer.ms < 5_000, `${answer.ms} ms`);
    assert.equal(asked(targets[1]), 0);
    await scene.upstream.left(modelOf(targets[0]));
  });

  test("leaves no time for a pause that is longer", async () => {
    const [bad, good] = [target("status-503,wait-20000", { retry: { attempts: 2 } }), target("plain")];
    const answer = await ask({ ...fallback(bad, good), total_timeout: 5_000 });
    assert.equal(answer.status, 200);
    assert.ok(answer.ms < 5_000, `${answer.ms} ms`);
    assert.equal(asked(bad), 1);
  });

  test("bounds an answer that comes whole, too", async () => {
    const answer = await ask({ ...target("slow-1000"), total_timeout: 200 });
    assert.equal(answer.status, 504);
    assert.ok(answer.ms < 5_000, `${answer.ms} ms`);
  });
});

test("a caller that reads slowly does not let the idle_timeout run out", async () => {
  const only = target("long", { idle_timeout: 1_000 });
  const slow = send(fallback(only, target("plain")), { stream: true });
  slow.socket.pause();
  await sleep(2_500);
  slow.socket.resume();
  await until(() => slow.received.includes("[DONE]"), "its end");
  assert.match(slow.received, /word399/);
  slow.socket.destroy();
});
