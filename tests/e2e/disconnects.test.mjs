// A caller that leaves: the provider's work ends at once, and what it had done by then is on the record.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { route } from "./callers.mjs";
import { heap } from "./heap.mjs";
import { stage } from "./pairs.mjs";
import { open } from "./raw.mjs";
import { assertSoon } from "./soon.mjs";
import { until } from "./until.mjs";
import { startWorker } from "./worker.mjs";

const LEAVES = {
  "is reset": (socket) => socket.resetAndDestroy(),
  "closes": (socket) => socket.destroy(),
};
const PASSAGES = [
  { name: "relayed untouched (chat)", client: "openai", provider: "openai", more: { stream_options: { include_usage: true } } },
  { name: "relayed without its usage (chat)", client: "openai", provider: "openai" },
  { name: "relayed untouched (messages)", client: "anthropic", provider: "anthropic" },
  { name: "translated from messages to chat", client: "openai", provider: "anthropic" },
  { name: "translated from chat to messages", client: "anthropic", provider: "openai" },
];

const scene = stage();

function ask({ client, provider, more = {} }, model, stream) {
  const headers = { authorization: "Bearer sk-caller-key", "anthropic-version": "2023-06-01", ...route(provider, scene.upstream) };
  const body = { model, stream, messages: [{ role: "user", content: "Hi" }], ...(client === "anthropic" ? { max_tokens: 1024 } : {}), ...(stream ? more : {}) };
  return open(scene.worker.port, client === "anthropic" ? "/v1/messages" : "/v1/chat/completions", headers, body);
}

/** For how long the provider went on after the caller left. */
function leave(caller, model, how) {
  const left = performance.now();
  how(caller.socket);
  return scene.upstream.wentOn(model, left);
}

for (const passage of PASSAGES) {
  describe(`a stream ${passage.name}`, () => {
    for (const [name, how] of Object.entries(LEAVES)) {
      test(`ends within 100 ms when the caller ${name} in its middle, and what was produced counts`, async () => {
        await assertSoon(async (time) => {
          const model = `m${time}:long,slow-10,tag-${passage.client}${passage.provider}${Object.keys(passage.more ?? {})}${name[0]}`;
          const caller = ask(passage, model, true);
          await until(() => caller.received.includes("word3"), "the first words");
          const ms = await leave(caller, model, how);
          const record = await scene.worker.record(model);
          assert.deepEqual([record.outcome, record.stream, record.usage.estimated], ["abandoned", true, true]);
          const words = (await scene.upstream.got(model)).sent.match(/word/g).length;
          assert.ok(record.usage.output > 0 && record.usage.output <= 4 * words, `output ${record.usage.output} of ${words} words`);
          assert.ok(record.usage.input > 0);
          return ms;
        });
      });
    }

    test("ends as soon when the caller leaves while the provider is silent in its middle", async () => {
      await assertSoon(async (time) => {
        const model = `m${time}:long,silent,tag-${passage.client}${passage.provider}${Object.keys(passage.more ?? {})}`;
        const caller = ask(passage, model, true);
        await until(() => caller.received.includes("word9"), "the last words");
        const ms = await leave(caller, model, LEAVES["is reset"]);
        const record = await scene.worker.record(model);
        assert.equal(record.outcome, "abandoned");
        assert.ok(record.usage.output > 0);
        return ms;
      });
    });

    for (const stream of [true, false]) {
      test(`ends as soon when the caller is gone before there are headers (${stream ? "streamed" : "whole"})`, async () => {
        await assertSoon(async (time) => {
          const model = `m${time}:hang,tag-${passage.client}${passage.provider}${Object.keys(passage.more ?? {})}${stream}`;
          const caller = ask(passage, model, stream);
          await scene.upstream.got(model);
          const ms = await leave(caller, model, LEAVES["is reset"]);
          assert.equal((await scene.worker.record(model)).outcome, "abandoned");
          return ms;
        });
      });
    }
  });
}

describe("a stream of which nobody keeps the record", () => {
  const unwatched = stage({ LOG_RECORDS: "false" });
  for (const [when, model, seen] of [["its middle", "slow-10", "word3"], ["a silence", "silent", "word9"]]) {
    test(`passes untouched and ends as soon when the caller leaves in ${when}`, async () => {
      await assertSoon(async (time) => {
        const name = `u${time}:long,${model}`;
        const caller = open(unwatched.worker.port, "/v1/chat/completions", { authorization: "Bearer sk", ...route("openai", unwatched.upstream) }, {
          model: name,
          stream: true,
          stream_options: { include_usage: true },
          messages: [{ role: "user", content: "Hi" }],
        });
        await until(() => caller.received.includes(seen), "the first words");
        const left = performance.now();
        caller.socket.resetAndDestroy();
        return unwatched.upstream.wentOn(name, left);
      });
    });
  }
});

test("callers that leave together take nobody along", async () => {
  const [passage] = PASSAGES;
  const models = Array.from({ length: 20 }, (_, n) => `crowd${n}:long,slow-10`);
  const callers = models.map((model) => ask(passage, model, true));
  const patient = ask(passage, "patient:long,slow-2", true);
  await until(() => callers.every((caller) => caller.received.includes("word3")), "everyone's first words");
  callers.forEach((caller) => caller.socket.resetAndDestroy());
  for (const model of models) {
    await scene.upstream.left(model);
    assert.equal((await scene.worker.record(model)).outcome, "abandoned");
  }
  await until(() => patient.received.includes("[DONE]"), "the end for who stayed");
  assert.equal((await scene.worker.record("patient:long,slow-2")).outcome, "complete");
  patient.socket.destroy();
});

test("callers that left are forgotten, whatever they left", async () => {
  const worker = await startWorker({}, undefined, { inspected: true });
  try {
    for (const { client, more = {} } of PASSAGES.filter(({ client, provider }) => client === provider)) {
      for (let time = 0; time < 100; time += 1) {
        const model = `${client}${Object.keys(more)}${time}:long,slow-2`;
        const headers = { authorization: "Bearer sk", "anthropic-version": "2023-06-01", ...route("openai", scene.upstream) };
        const body = { model, stream: true, max_tokens: 64, messages: [{ role: "user", content: "Hi" }], ...more };
        const caller = open(worker.port, client === "anthropic" ? "/v1/messages" : "/v1/chat/completions", headers, body);
        await until(() => caller.received.includes("word9"), "some words");
        caller.socket.resetAndDestroy();
        await worker.record(model);
      }
    }
    const { "workerd / ReadableStream": streams } = await heap(worker.inspector);
    assert.ok(streams > 0 && streams < 60, `${streams} streams of 300 requests are kept`);
  } finally {
    await worker.stop();
  }
});

test("a caller that reads slowly holds its own stream up and no more", async () => {
  const [passage] = PASSAGES;
  const slow = ask(passage, "slow-reader:long", true);
  slow.socket.pause();
  await sleep(300);
  slow.socket.resume();
  await until(() => slow.received.includes("[DONE]"), "its end");
  assert.match(slow.received, /word399/);
  slow.socket.destroy();
});
