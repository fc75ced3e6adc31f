// The Responses API of OpenAI's own client, with providers that have it and those that do not.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { route } from "./callers.mjs";
import { modelOf, stage } from "./pairs.mjs";
import { PERSON, PLAIN, THOUGHT } from "./upstream/answers.mjs";
import { PIXEL, digested } from "./upstream/pictures.mjs";
import { WEATHER, weather } from "./weather.mjs";

const scene = stage();
const PATHS = { openai: "/v1/responses", anthropic: "/v1/messages", gemini: /^\/v1beta\/models\/gemini-3-flash-preview[^/]*(:generateContent|:streamGenerateContent\?alt=sse)$/ };
const TOOL = { type: "function", name: WEATHER.name, description: WEATHER.description, parameters: WEATHER.schema, strict: true };

for (const [provider, path] of Object.entries(PATHS)) {
  describe(`responses with the ${provider} provider`, () => {
    const client = () => new OpenAI({ apiKey: "sk-caller-key", baseURL: `${scene.worker.url}/v1`, defaultHeaders: route(provider, scene.upstream), maxRetries: 0, timeout: 20_000 });
    const model = (words) => modelOf(provider, words);
    const create = (body) => client().responses.create(body);
    const stream = async (body) => {
      const events = [];
      const stream = client().responses.stream(body);
      stream.on("event", (event) => events.push(event));
      const answer = await stream.finalResponse();
      assertGrammar(events);
      return Object.assign(answer, { events });
    };

    for (const [way, ask] of Object.entries({ create, stream })) {
      test(`an answer comes with its ending and its usage (${way})`, async () => {
        const asked = model("plain");
        const answer = await ask({ model: asked, input: "Hi", instructions: "Be kind." });
        assert.deepEqual([answer.object, answer.status, answer.output_text], ["response", "completed", PLAIN]);
        const { input_tokens, output_tokens, total_tokens } = answer.usage;
        assert.deepEqual([input_tokens, output_tokens, total_tokens], [21, 9, 30]);
        const seen = await scene.upstream.got(asked);
        if (typeof path === "string") assert.equal(seen.path, path);
        else assert.match(seen.path, path);
        assert.match(seen.raw, /Be kind\./);
        assert.equal((await scene.worker.record(asked)).usage.output, 9);
      });

      test(`a tool is called, its result is sent, and the answer uses it (${way})`, async () => {
        for (const [words, text] of [["tools", "It is sunny in Paris."], ["parallel", "sunny in Paris and rainy in Rome"]]) {
          const input = [{ role: "user", content: "Hi" }];
          const asked = model(words);
          const first = await ask({ model: asked, input, tools: [TOOL] });
          const calls = first.output.filter((item) => item.type === "function_call");
          assert.ok(calls.length > 0 && calls.every((call) => call.name === "get_weather" && call.call_id));
          assert.equal(first.output_text, "Let me look.");
          const results = calls.map(({ call_id, arguments: text }) => ({ type: "function_call_output", call_id, output: weather(JSON.parse(text).city) }));
          const second = await ask({ model: asked, input: [...input, ...first.output.map(({ parsed_arguments, ...item }) => item), ...results], tools: [TOOL] });
          assert.equal(second.output_text, text);
        }
      });

      test(`reasoning arrives apart from the text (${way})`, async () => {
        const answer = await ask({ model: model("reasoning"), input: "Hi", reasoning: { effort: "low", summary: "auto" } });
        const thought = answer.output.find((item) => item.type === "reasoning");
        assert.equal([...thought.summary, ...(thought.content ?? [])].map((part) => part.text).join(""), THOUGHT);
        assert.equal(answer.output_text, PLAIN);
      });

      test(`an answer cut short is incomplete, a refusal no answer (${way})`, async () => {
        const short = await ask({ model: model("length"), input: "Hi", max_output_tokens: 16 });
        assert.deepEqual([short.status, short.incomplete_details?.reason], ["incomplete", "max_output_tokens"]);
        const refused = await ask({ model: model("refusal"), input: "Hi" });
        const refusal = refused.output.flatMap((item) => item.content ?? []).some((part) => part.type === "refusal");
        assert.ok(refusal || refused.incomplete_details?.reason === "content_filter", JSON.stringify(refused));
      });
    }

    test("an answer keeps to a schema", async () => {
      const format = zodTextFormat(z.object({ name: z.string(), age: z.number() }), "person");
      const answer = await client().responses.parse({ model: model("structured"), input: "Hi", text: { format } });
      assert.deepEqual(answer.output_parsed, PERSON);
    });

    test("an image arrives byte for byte", async () => {
      const content = [{ type: "input_text", text: "What is this?" }, { type: "input_image", image_url: `data:${PIXEL.type};base64,${PIXEL.data}`, detail: "auto" }];
      const answer = await create({ model: model("images"), input: [{ role: "user", content }] });
      assert.equal(answer.output_text, digested(PIXEL.type, PIXEL.data));
    });

    test("a stream reads the same however its bytes are broken up", async () => {
      for (const manner of ["bytewise", "crlf", "comments"]) {
        const answer = await stream({ model: model(manner), input: "Hi" });
        assert.equal(answer.output_text, PLAIN, manner);
      }
    });

    test("errors are the client's own", async () => {
      const limited = await create({ model: model("status-429"), input: "Hi" }).catch((error) => error);
      assert.ok(limited instanceof OpenAI.RateLimitError, String(limited));
      assert.match(limited.message, /the fake provider's own words for 429/);
      assert.equal(limited.headers.get("retry-after"), "7");
      const missing = await create({ model: model("status-404"), input: "Hi", stream: true }).catch((error) => error);
      assert.ok(missing instanceof OpenAI.NotFoundError, String(missing));
    });

    for (const how of ["cut-fin", "cut-rst", "broken"]) {
      test(`a stream that ends early (${how}) is no answer`, async () => {
        const completed = [];
        const listen = async () => {
          for await (const event of await create({ model: model(how), input: "Hi", stream: true })) if (event.type === "response.completed") completed.push(event);
        };
        const error = await listen().catch((error) => error);
        assert.equal(completed.length, 0);
        if (how === "broken") assert.match(String(error?.message), /broke down/);
      });
    }
  });
}

/** Numbers rise by one, items and parts are opened, filled and closed in order. */
function assertGrammar(events) {
  assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, at) => at));
  assert.equal(events[0].type, "response.created");
  assert.match(events.at(-1).type, /^response\.(completed|incomplete)$/);
  const added = events.filter((event) => event.type === "response.output_item.added");
  const done = events.filter((event) => event.type === "response.output_item.done");
  assert.deepEqual(added.map((event) => event.output_index), added.map((_, at) => at));
  assert.deepEqual(done.map((event) => [event.output_index, event.item.id]), added.map((event) => [event.output_index, event.item.id]));
  assert.deepEqual(events.at(-1).response.output.map((item) => item.id), done.map((event) => event.item.id));
  for (const { item } of done.filter(({ item }) => item.type === "function_call")) {
    const deltas = events.filter((event) => event.type === "response.function_call_arguments.delta" && event.item_id === item.id);
    assert.equal(deltas.map((event) => event.delta).join(""), item.arguments);
  }
}
