// What an application does all day, through the Worker, with every pair of client and provider.

import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { MODELS, forEachPair } from "./pairs.mjs";
import { PERSON, PLAIN, THOUGHT } from "./upstream/answers.mjs";
import { PIXEL, digested } from "./upstream/pictures.mjs";
import { WEATHER, weather } from "./weather.mjs";

const HI = [{ user: "Hi" }];

/** What the provider was sent, wherever its dialect has it: the longest answer, a tool's schema, the answer's schema. */
function sentOf({ body }) {
  const tool = body.tools?.[0] ?? body.toolConfig?.tools[0].toolSpec;
  const declared = tool?.functionDeclarations?.[0];
  const format = body.output_config?.format ?? body.response_format;
  const converse = body.outputConfig?.textFormat.structure.jsonSchema.schema;
  return {
    limit: body.max_tokens ?? body.max_completion_tokens ?? body.generationConfig?.maxOutputTokens ?? body.inferenceConfig?.maxTokens,
    tool: tool?.input_schema ?? tool?.function?.parameters ?? tool?.inputSchema?.json ?? declared?.parametersJsonSchema ?? declared?.parameters,
    schema: format?.schema ?? format?.json_schema?.schema ?? format?.json_schema ?? body.generationConfig?.responseJsonSchema ?? (converse && JSON.parse(converse)),
  };
}

forEachPair((pair) => {
  test("an answer comes whole, with its ending and its usage", async () => {
    const model = pair.model("plain");
    const answer = await pair.caller().ask({ model, messages: HI });
    assert.deepEqual([answer.text, answer.finish, answer.usage], [PLAIN, "end", { input: 21, output: 9, cached: 0 }]);
    const { usage, outcome, stream, provider } = await pair.worker.record(model);
    assert.deepEqual([provider, outcome, stream, usage.input, usage.output, usage.estimated], [pair.provider, "complete", false, 21, 9, false]);
  });

  test("a streamed answer is the same as a whole one", async () => {
    const model = pair.model("plain");
    const answer = await pair.caller().stream({ model, messages: HI });
    assert.deepEqual([answer.text, answer.finish, answer.usage], [PLAIN, "end", { input: 21, output: 9, cached: 0 }]);
    assert.ok(answer.chunks.length > 5, "it comes in pieces");
    const { usage, outcome, stream } = await pair.worker.record(model);
    assert.deepEqual([outcome, stream, usage.input, usage.output, usage.estimated], ["complete", true, 21, 9, false]);
  });

  test("texts of any script and length arrive as they were sent", async () => {
    const text = 'Ünïcödé "quoted" \\ back\nnew line\ttab 👩‍👩‍👧 \u0007 漢字 ';
    const model = pair.model("echo");
    const long = text + "long ".repeat(20_000);
    assert.equal((await pair.caller().ask({ model, messages: [{ user: long }] })).text, long);
    // Each word is a piece.
    const streamed = text + "long ".repeat(100);
    assert.equal((await pair.caller().stream({ model, messages: [{ user: streamed }] })).text, streamed);
  });

  test("an answer cut short by its length says so, whole and streamed", async () => {
    assert.equal((await pair.caller().ask({ model: pair.model("length"), messages: HI, maxTokens: 5 })).finish, "length");
    assert.equal((await pair.caller().stream({ model: pair.model("length"), messages: HI, maxTokens: 5 })).finish, "length");
    assert.equal(sentOf(pair.upstream.seen.at(-1)).limit, 5);
  });

  test("a refusal is one, whole and streamed", async () => {
    assert.equal((await pair.caller().ask({ model: pair.model("refusal"), messages: HI })).finish, "refusal");
    assert.equal((await pair.caller().stream({ model: pair.model("refusal"), messages: HI })).finish, "refusal");
  });

  test("cached tokens are counted the client's way", async () => {
    const expected = { input: 100, output: 9, cached: 80 };
    assert.deepEqual((await pair.caller().ask({ model: pair.model("cached"), messages: HI })).usage, expected);
    assert.deepEqual((await pair.caller().stream({ model: pair.model("cached"), messages: HI })).usage, expected);
  });

  test("reasoning arrives apart from the text", async () => {
    for (const way of ["ask", "stream"]) {
      const answer = await pair.caller()[way]({ model: pair.model("reasoning"), messages: HI });
      assert.equal(answer.text, PLAIN);
      // OpenAI's own stream helper keeps only the fields that it knows.
      if (!(way === "stream" && pair.client === "openai")) assert.equal(answer.thought, THOUGHT, way);
      else assert.equal(answer.chunks.map((chunk) => chunk.choices[0]?.delta.reasoning_content ?? "").join(""), THOUGHT);
    }
  });

  for (const way of ["ask", "stream"]) {
    test(`a tool is called, its result is sent, and the answer uses it (${way})`, async () => {
      const caller = pair.caller();
      const model = pair.model("tools");
      const first = await caller[way]({ model, messages: HI, tools: [WEATHER] });
      assert.equal(first.finish, "calls");
      // Cohere's models plan their calls; it is read as a thought.
      assert.equal(first.text, pair.provider === "cohere" ? "" : "Let me look.");
      assert.deepEqual(first.calls.map(({ name, input }) => [name, input]), [["get_weather", { city: "Paris" }]]);
      assert.deepEqual(sentOf(pair.upstream.seen.at(-1)).tool, WEATHER.schema);
      const messages = [...HI, { answer: first }, { results: [[first.calls[0].id, weather("Paris")]] }];
      const second = await caller[way]({ model, messages, tools: [WEATHER] });
      assert.deepEqual([second.text, second.finish], ["It is sunny in Paris.", "end"]);
    });

    test(`parallel calls keep apart and get their own results (${way})`, async () => {
      const caller = pair.caller();
      const model = pair.model("parallel");
      const first = await caller[way]({ model, messages: HI, tools: [WEATHER] });
      assert.deepEqual(first.calls.map(({ input }) => input.city), ["Paris", "Rome"]);
      assert.equal(new Set(first.calls.map(({ id }) => id)).size, 2);
      assert.ok(first.calls.every(({ id }) => id.length > 0));
      const results = first.calls.map(({ id, input }) => [id, weather(input.city)]);
      const second = await caller[way]({ model, messages: [...HI, { answer: first }, { results }], tools: [WEATHER] });
      assert.equal(second.text, "sunny in Paris and rainy in Rome");
    });
  }

  test("an answer keeps to a schema", async () => {
    const schema = z.object({ name: z.string(), age: z.number() });
    const answer = await pair.caller().ask({ model: pair.model("structured"), messages: HI, schema });
    assert.deepEqual(answer.parsed, PERSON);
    assert.deepEqual(Object.keys(sentOf(pair.upstream.seen.at(-1)).schema.properties), ["name", "age"]);
  });

  test("an image arrives byte for byte, or as its address", async () => {
    const inline = await pair.caller().ask({ model: pair.model("images"), messages: [{ user: "What is this?", image: PIXEL }] });
    assert.equal(inline.text, digested(PIXEL.type, PIXEL.data));
    if (pair.provider === "bedrock") return; // It fetches nothing, and the caller is told.
    const linked = await pair.caller().ask({ model: pair.model("images"), messages: [{ user: "And this?", image: { url: "https://example.com/cat.png" } }] });
    assert.equal(linked.text, "https://example.com/cat.png");
  });

  test("a caller that cancels ends the provider's work too", async () => {
    const streamed = pair.model("long,slow-5");
    await pair.caller().leaveAfterFirstText({ model: streamed, messages: HI });
    await pair.upstream.left(streamed);
    const waiting = pair.model("hang");
    const leave = new AbortController();
    const asked = pair.caller().ask({ model: waiting, messages: HI, signal: leave.signal });
    await pair.upstream.got(waiting);
    leave.abort();
    await assert.rejects(asked, /abort/i);
  });
}, Object.keys(MODELS));
