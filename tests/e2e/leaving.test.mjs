// Callers that leave while a config is gone through: the provider's work ends at once, and nobody else is asked.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stage } from "./pairs.mjs";
import { PASSAGES, director } from "./targets.mjs";
import { until } from "./until.mjs";

const WITHIN_MS = 100;
const scene = stage();
const { target, modelOf, asked, fallback, send } = director(scene);

async function assertLeft(target, since) {
  const { abortedAt } = await scene.upstream.left(modelOf(target));
  assert.ok(abortedAt - since <= WITHIN_MS, `it went on for ${Math.round(abortedAt - since)} ms`);
}

for (const { caller, provider, way } of PASSAGES) {
  const of = (words, more) => target(words, more, provider);

  describe(`a caller that leaves a stream ${way}`, () => {
    test("at the gate ends the provider's work, and nobody else is asked", async () => {
      for (const words of ["pings", "hang"]) {
        const [bad, good] = [of(words, { retry: { attempts: 3 } }), of("plain")];
        const left = send(fallback(bad, good), { caller, stream: true });
        await scene.upstream.got(modelOf(bad));
        await sleep(40);
        const at = performance.now();
        left.socket.resetAndDestroy();
        await assertLeft(bad, at);
        assert.equal((await scene.worker.record(modelOf(bad))).outcome, "abandoned");
        assert.deepEqual([asked(bad), asked(good)], [1, 0]);
      }
    });

    // A connection that closes in silence looks the same as one that only has nothing more to send.
    const LEAVES = { "is reset": (socket) => socket.resetAndDestroy(), "closes": (socket) => socket.destroy() };
    for (const [words, name] of [["long,slow-10", "is reset"], ["long,slow-10", "closes"], ["long,silent", "is reset"]]) {
      for (const more of [{}, { idle_timeout: 5_000 }]) {
        test(`and ${name}, after the gate, does so too (${words}${more.idle_timeout ? ", with a bound on idle time" : ""})`, async () => {
          const [bad, good] = [of(words, more), of("plain")];
          const left = send(fallback(bad, good), { caller, stream: true });
          await until(() => left.received.includes("word3"), 5_000, "the first words");
          await sleep(words.includes("silent") ? 50 : 0);
          const at = performance.now();
          LEAVES[name](left.socket);
          await assertLeft(bad, at);
          assert.equal((await scene.worker.record(modelOf(bad))).outcome, "abandoned");
          assert.equal(asked(good), 0);
        });
      }
    }
  });
}

describe("a caller that leaves", () => {
  for (const stream of [true, false]) {
    test(`while the next try is waited for has no more tries (${stream ? "streamed" : "whole"})`, async () => {
      const [bad, good] = [target("status-503,wait-400", { retry: { attempts: 3 } }), target("plain")];
      const left = send(fallback(bad, good), { stream });
      await scene.upstream.got(modelOf(bad));
      await sleep(100);
      left.socket.resetAndDestroy();
      assert.equal((await scene.worker.record(modelOf(bad))).outcome, "abandoned");
      await sleep(500);
      assert.deepEqual([asked(bad), asked(good)], [1, 0]);
    });

    test(`while a second target is silent ends that one's work (${stream ? "streamed" : "whole"})`, async () => {
      const [bad, silent, good] = [target("status-503"), target("hang"), target("plain")];
      const left = send(fallback(bad, silent, good), { stream });
      await scene.upstream.got(modelOf(silent));
      await sleep(30);
      const at = performance.now();
      left.socket.resetAndDestroy();
      await assertLeft(silent, at);
      assert.equal((await scene.worker.record(modelOf(silent))).outcome, "abandoned");
      assert.deepEqual([asked(silent), asked(good)], [1, 0]);
    });
  }
});

describe("a caller that leaves a stream of which nobody keeps the record", () => {
  const unwatched = stage({ LOG_RECORDS: "false" });
  const { target, modelOf, fallback, send } = director(unwatched);

  for (const { caller, provider, way } of PASSAGES) {
    test(`ends it, ${way}`, async () => {
      for (const words of ["long,slow-10", "long,silent"]) {
        const only = target(words, {}, provider);
        const left = send(fallback(only, target("plain", {}, provider)), { caller, stream: true });
        await until(() => left.received.includes("word3"), 5_000, "the first words");
        await sleep(50);
        const at = performance.now();
        left.socket.resetAndDestroy();
        const { abortedAt } = await unwatched.upstream.left(modelOf(only));
        assert.ok(abortedAt - at <= WITHIN_MS, `it went on for ${Math.round(abortedAt - at)} ms`);
      }
    });
  }
});
