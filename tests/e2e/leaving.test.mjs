// Callers that leave while a config is gone through: the provider's work ends at once, and nobody else is asked.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stage } from "./pairs.mjs";
import { assertSoon } from "./soon.mjs";
import { PASSAGES, director } from "./targets.mjs";
import { until } from "./until.mjs";

const scene = stage();
const { target, modelOf, asked, fallback, send } = director(scene);

/** For how long a target goes on after its caller has left, and that this is the end of it for everyone. */
async function leave(caller, target, how = (socket) => socket.resetAndDestroy()) {
  const at = performance.now();
  how(caller.socket);
  const ms = await scene.upstream.wentOn(modelOf(target), at);
  assert.equal((await scene.worker.record(modelOf(target))).outcome, "abandoned");
  return ms;
}

for (const { caller, provider, way } of PASSAGES) {
  const of = (words, more) => target(words, more, provider);

  describe(`a caller that leaves a stream ${way}`, () => {
    test("at the gate ends the provider's work, and nobody else is asked", async () => {
      for (const words of ["pings", "hang"]) {
        await assertSoon(async () => {
          const [bad, good] = [of(words, { retry: { attempts: 3 } }), of("plain")];
          const left = send(fallback(bad, good), { caller, stream: true });
          await scene.upstream.got(modelOf(bad));
          await sleep(40);
          const ms = await leave(left, bad);
          assert.deepEqual([asked(bad), asked(good)], [1, 0]);
          return ms;
        });
      }
    });

    // A connection that closes in silence looks the same as one that only has nothing more to send.
    const LEAVES = { "is reset": (socket) => socket.resetAndDestroy(), "closes": (socket) => socket.destroy() };
    for (const [words, name] of [["long,slow-10", "is reset"], ["long,slow-10", "closes"], ["long,silent", "is reset"]]) {
      for (const more of [{}, { idle_timeout: 5_000 }]) {
        test(`and ${name}, after the gate, does so too (${words}${more.idle_timeout ? ", with a bound on idle time" : ""})`, async () => {
          await assertSoon(async () => {
            const [bad, good] = [of(words, more), of("plain")];
            const left = send(fallback(bad, good), { caller, stream: true });
            await until(() => left.received.includes("word3"), "the first words");
            await sleep(words.includes("silent") ? 50 : 0);
            const ms = await leave(left, bad, LEAVES[name]);
            assert.equal(asked(good), 0);
            return ms;
          });
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
      await assertSoon(async () => {
        const [bad, silent, good] = [target("status-503"), target("hang"), target("plain")];
        const left = send(fallback(bad, silent, good), { stream });
        await scene.upstream.got(modelOf(silent));
        await sleep(30);
        const ms = await leave(left, silent);
        assert.deepEqual([asked(silent), asked(good)], [1, 0]);
        return ms;
      });
    });
  }
});

describe("a caller that leaves a stream of which nobody keeps the record", () => {
  const unwatched = stage({ LOG_RECORDS: "false" });
  const { target, modelOf, fallback, send } = director(unwatched);

  for (const { caller, provider, way } of PASSAGES) {
    test(`ends it, ${way}`, async () => {
      for (const words of ["long,slow-10", "long,silent"]) {
        await assertSoon(async () => {
          const only = target(words, {}, provider);
          const left = send(fallback(only, target("plain", {}, provider)), { caller, stream: true });
          await until(() => left.received.includes("word3"), "the first words");
          await sleep(50);
          const at = performance.now();
          left.socket.resetAndDestroy();
          return unwatched.upstream.wentOn(modelOf(only), at);
        });
      }
    });
  }
});
