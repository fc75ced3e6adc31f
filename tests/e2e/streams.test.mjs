// Streams on the wire: what passes untouched, what order a translation keeps, how a broken one ends.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { route } from "./callers.mjs";
import { MODELS, forEachPair, stage } from "./pairs.mjs";
import { post } from "./raw.mjs";
import { PLAIN } from "./upstream/answers.mjs";

const AUTH = { authorization: "Bearer sk-caller-key" };
const DOORS = { openai: "/v1/chat/completions", anthropic: "/v1/messages" };

function bodyFor(client, model, more = {}) {
  return { model, stream: true, messages: [{ role: "user", content: "Hi" }], ...(client === "anthropic" ? { max_tokens: 64 } : {}), ...more };
}

/** The data of an event stream's frames. */
function dataOf(text) {
  return [...text.matchAll(/^data: ?(.*?)\r?$/gm)].map(([, data]) => data);
}

describe("a relayed stream", () => {
  const scene = stage();

  for (const manner of ["plain", "bytewise", "crlf", "comments", "parallel", "reasoning"]) {
    test(`passes byte for byte when usage was asked for (${manner})`, async () => {
      for (const [client, more] of [["openai", { stream_options: { include_usage: true } }], ["anthropic", {}]]) {
        const model = `${client}-exact:${manner}`;
        const headers = { ...AUTH, "anthropic-version": "2023-06-01", ...route(client, scene.upstream) };
        const answer = await post(scene.worker.url, DOORS[client], headers, bodyFor(client, model, more));
        const { sent } = await scene.upstream.got(model);
        assert.equal(answer.body, sent, client);
        assert.match(answer.headers.get("content-type"), /^text\/event-stream/);
        const { usage, outcome } = await scene.worker.record(model);
        assert.deepEqual([outcome, usage.input, usage.estimated], ["complete", 21, false]);
      }
    });
  }

  test("has no usage chunk that nobody asked for, and the record knows it all the same", async () => {
    for (const manner of ["plain", "bytewise", "crlf", "comments"]) {
      const model = `unasked:${manner}`;
      const answer = await post(scene.worker.url, DOORS.openai, { ...AUTH, ...route("openai", scene.upstream) }, bodyFor("openai", model));
      const data = dataOf(answer.body);
      assert.equal(data.at(-1), "[DONE]");
      const chunks = data.slice(0, -1).map((text) => JSON.parse(text));
      assert.ok(chunks.every((chunk) => chunk.choices.length === 1), manner);
      assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), PLAIN);
      const { usage } = await scene.worker.record(model);
      assert.deepEqual([usage.input, usage.output, usage.estimated], [21, 9, false]);
    }
  });

  test("passes the body and the answer's unknown fields as they are", async () => {
    const model = "exact:plain";
    const body = { messages: [{ role: "user", content: "Hi", name: "x" }], seed: 7, model, logit_bias: { 50256: -100 } };
    const answer = await post(scene.worker.url, DOORS.openai, { ...AUTH, ...route("openai", scene.upstream) }, body);
    const seen = await scene.upstream.got(model);
    assert.equal(seen.raw, JSON.stringify(body));
    assert.equal(answer.body, seen.sent);
  });
});

forEachPair((pair) => {
  const ask = (model, more = {}) => {
    const headers = { ...AUTH, "anthropic-version": "2023-06-01", ...route(pair.provider, pair.upstream) };
    return post(pair.worker.url, DOORS[pair.client], headers, bodyFor(pair.client, model, more));
  };

  test("a stream reads the same however its bytes are broken up", async () => {
    // Amazon's frames have no lines.
    for (const manner of ["plain", "bytewise", ...(pair.provider === "bedrock" ? [] : ["crlf", "comments"])]) {
      const answer = await pair.caller().stream({ model: pair.model(manner), messages: [{ user: "Hi" }] });
      assert.equal(answer.text, PLAIN, manner);
    }
  });

  test("a stream that comes faster than anybody reads comes whole, and as far as it came where it is cut", async () => {
    const answer = await pair.caller().stream({ model: pair.model("long-3000"), messages: [{ user: "Hi" }] });
    assert.equal(answer.text, Array.from({ length: 3000 }, (_, n) => `word${n}`).join(" "));
    const cut = await ask(pair.model("long-3000,cut-fin"));
    assert.match(cut.body, /word1480/);
    assert.doesNotMatch(cut.body, /word1600/);
  });

  test("a stream has the client's own grammar", async () => {
    const { body } = await ask(pair.model("parallel"), pair.client === "openai" ? { stream_options: { include_usage: true } } : {});
    if (pair.client === "openai") assertChatGrammar(dataOf(body));
    else assertMessagesGrammar(body);
  });

  for (const how of ["cut-fin", "cut-rst", "broken"]) {
    test(`a stream that ends early (${how}) never looks finished`, async () => {
      const { body, broken } = await ask(pair.model(how));
      assert.doesNotMatch(body, /"finish_reason": ?"|"stop_reason": ?"|message_stop/);
      const shown = /"error"/.test(body);
      if (/\[DONE\]/.test(body)) assert.ok(shown, "[DONE] only after an error");
      assert.ok(broken || shown, "the caller can tell");
      assert.match(body, /Hello/);
    });
  }
}, Object.keys(MODELS));

function assertChatGrammar(data) {
  assert.equal(data.at(-1), "[DONE]");
  assert.equal(data.filter((text) => text === "[DONE]").length, 1);
  const chunks = data.slice(0, -1).map((text) => JSON.parse(text));
  for (const chunk of chunks) assert.equal(chunk.object, "chat.completion.chunk");
  for (const field of ["id", "created", "model"]) assert.equal(new Set(chunks.map((chunk) => chunk[field])).size, 1, field);
  const choices = chunks.flatMap((chunk) => chunk.choices);
  assert.equal(choices[0].delta.role, "assistant");
  assert.deepEqual(choices.map((choice) => choice.finish_reason).filter(Boolean), ["tool_calls"]);
  const calls = choices.flatMap((choice) => choice.delta.tool_calls ?? []);
  const starts = calls.filter((call) => call.id);
  assert.deepEqual(starts.map((call) => [call.index, call.type, call.function.name]), [[0, "function", "get_weather"], [1, "function", "get_weather"]]);
  for (const [index, city] of ["Paris", "Rome"].entries()) {
    const text = calls.filter((call) => call.index === index).map((call) => call.function.arguments ?? "").join("");
    assert.deepEqual(JSON.parse(text), { city });
  }
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.total_tokens, 30);
}

function assertMessagesGrammar(body) {
  const events = [...body.matchAll(/^event: (.*)\ndata: (.*)$/gm)].map(([, name, data]) => ({ name, ...JSON.parse(data) }));
  for (const event of events) assert.equal(event.name, event.type);
  const types = events.map((event) => event.type).filter((type) => type !== "ping" && type !== "content_block_delta");
  const starts = events.filter((event) => event.type === "content_block_start");
  const blocks = starts.flatMap(() => ["content_block_start", "content_block_stop"]);
  assert.deepEqual(types, ["message_start", ...blocks, "message_delta", "message_stop"]);
  assert.deepEqual(starts.map((event) => event.index), [...starts.keys()]);
  const calls = starts.filter((event) => event.content_block.type === "tool_use");
  // What is said before; a signature or a plan, where the provider has one, comes as a thought.
  assert.ok(starts.every((event) => calls.includes(event) || ["text", "thinking", "redacted_thinking"].includes(event.content_block.type)));
  const end = events.find((event) => event.type === "message_delta");
  assert.equal(end.delta.stop_reason, "tool_use");
  assert.equal(end.usage.output_tokens, 9);
  const inputs = calls.map(({ index }) => events.filter((event) => event.type === "content_block_delta" && event.index === index));
  assert.deepEqual(inputs.map((deltas) => JSON.parse(deltas.map((event) => event.delta.partial_json).join(""))), [{ city: "Paris" }, { city: "Rome" }]);
}
