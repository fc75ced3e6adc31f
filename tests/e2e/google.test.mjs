// Google's own client, with Google's models and those of others.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ApiError, FunctionCallingConfigMode, GoogleGenAI } from "@google/genai";
import { z } from "zod";
import { route } from "./callers.mjs";
import { modelOf, stage } from "./pairs.mjs";
import { post } from "./raw.mjs";
import { PERSON, PLAIN, THOUGHT } from "./upstream/answers.mjs";
import { PIXEL, digested } from "./upstream/pictures.mjs";
import { WEATHER, weather } from "./weather.mjs";

const scene = stage();
const TOOLS = [{ functionDeclarations: [{ name: WEATHER.name, description: WEATHER.description, parametersJsonSchema: WEATHER.schema }] }];
const PATHS = { gemini: /^\/v1beta\/models\/[^/]+:(generateContent|streamGenerateContent\?alt=sse)$/, openai: /^\/v1\/chat\/completions$/, anthropic: /^\/v1\/messages$/ };

for (const [provider, path] of Object.entries(PATHS)) {
  describe(`Google's client with the ${provider} provider`, () => {
    const client = (headers) => new GoogleGenAI({ apiKey: "sk-caller-key", httpOptions: { baseUrl: scene.worker.url, headers: { ...route(provider, scene.upstream), ...headers } } });
    const model = (words) => modelOf(provider, words);
    const ask = async (asked, headers) => answerOf([await client(headers).models.generateContent(asked)]);
    const stream = async (asked, headers) => {
      const chunks = [];
      for await (const chunk of await client(headers).models.generateContentStream(asked)) chunks.push(chunk);
      return answerOf(chunks);
    };

    for (const [way, get] of Object.entries({ ask, stream })) {
      test(`an answer comes with its ending and its usage (${way})`, async () => {
        const asked = model("plain");
        const answer = await get({ model: asked, contents: "Hi", config: { systemInstruction: "Be kind.", maxOutputTokens: 50 } });
        assert.deepEqual([answer.text, answer.finish], [PLAIN, "STOP"]);
        const { promptTokenCount, candidatesTokenCount, totalTokenCount } = answer.usage;
        assert.deepEqual([promptTokenCount, candidatesTokenCount, totalTokenCount], [21, 9, 30]);
        const seen = await scene.upstream.got(asked);
        assert.match(seen.path, path);
        assert.match(seen.raw, /Be kind\./);
        const { usage, stream } = await scene.worker.record(asked);
        assert.deepEqual([usage.input, usage.output, stream], [21, 9, way === "stream"]);
      });

      test(`functions are called, their results are sent, and the answer uses them (${way})`, async () => {
        for (const [words, text] of [["tools", "It is sunny in Paris."], ["parallel", "sunny in Paris and rainy in Rome"]]) {
          const contents = [{ role: "user", parts: [{ text: "Hi" }] }];
          const asked = { model: model(words), config: { tools: TOOLS, toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.AUTO } } } };
          const first = await get({ ...asked, contents });
          assert.equal(first.text, "Let me look.");
          assert.ok(first.calls.length > 0 && first.calls.every((call) => call.name === "get_weather"));
          const results = first.calls.map(({ id, name, args }) => ({ functionResponse: { id, name, response: { output: weather(args.city) } } }));
          const second = await get({ ...asked, contents: [...contents, { role: "model", parts: first.parts }, { role: "user", parts: results }] });
          assert.deepEqual([second.text, second.finish], [text, "STOP"]);
        }
      });

      test(`a chat remembers (${way})`, async () => {
        const asked = model("echo");
        const chat = client().chats.create({ model: asked });
        const say = async (message) => {
          if (way === "ask") return answerOf([await chat.sendMessage({ message })]);
          const chunks = [];
          for await (const chunk of await chat.sendMessageStream({ message })) chunks.push(chunk);
          return answerOf(chunks);
        };
        assert.equal((await say("one")).text, "one");
        assert.equal((await say("two")).text, "two");
        assert.deepEqual(scene.upstream.seen.at(-1).raw.match(/"(one|two)"/g), ['"one"', '"one"', '"two"']);
      });

      test(`thoughts arrive apart from the text (${way})`, async () => {
        const answer = await get({ model: model("reasoning"), contents: "Hi", config: { thinkingConfig: { includeThoughts: true } } });
        assert.deepEqual([answer.text, answer.thought], [PLAIN, THOUGHT]);
        assert.equal(answer.usage.candidatesTokenCount + (answer.usage.thoughtsTokenCount ?? 0), 30);
      });

      test(`an answer cut short and a refusal say so (${way})`, async () => {
        assert.equal((await get({ model: model("length"), contents: "Hi" })).finish, "MAX_TOKENS");
        assert.equal((await get({ model: model("refusal"), contents: "Hi" })).finish, "SAFETY");
      });

      for (const status of [400, 401, 403, 404, 429, 500]) {
        test(`the provider's ${status} is the client's own error (${way})`, async () => {
          const error = await get({ model: model(`status-${status}`), contents: "Hi" }).catch((error) => error);
          assert.ok(error instanceof ApiError, String(error));
          assert.equal(error.status, status);
          const told = JSON.parse(error.message).error;
          assert.match(told.message, new RegExp(`the fake provider's own words for ${status}`));
          assert.equal(told.code, status);
          assert.match(told.status, /^[A-Z_]+$/);
        });
      }
    }

    test("an answer keeps to a schema", async () => {
      const schema = z.toJSONSchema(z.object({ name: z.string(), age: z.number() }));
      const answer = await ask({ model: model("structured"), contents: "Hi", config: { responseMimeType: "application/json", responseJsonSchema: schema } });
      assert.deepEqual(JSON.parse(answer.text), PERSON);
    });

    test("an image arrives byte for byte", async () => {
      const contents = [{ text: "What is this?" }, { inlineData: { mimeType: PIXEL.type, data: PIXEL.data } }];
      assert.equal((await ask({ model: model("images"), contents })).text, digested(PIXEL.type, PIXEL.data));
    });

    test("a stream reads the same however its bytes are broken up", async () => {
      for (const manner of ["bytewise", "crlf", "comments"]) {
        // This client takes CR LF as CR CR LF LF for a chunk of nothing, so Google's own stream is not given more.
        if (provider === "gemini" && manner === "crlf") continue;
        assert.equal((await stream({ model: model(manner), contents: "Hi" })).text, PLAIN, manner);
      }
    });

    for (const how of ["cut-fin", "cut-rst", "broken"]) {
      test(`a stream that ends early (${how}) never looks finished`, async () => {
        const finished = [];
        const listen = async () => {
          for await (const chunk of await client().models.generateContentStream({ model: model(how), contents: "Hi" })) {
            if (chunk.candidates?.[0]?.finishReason) finished.push(chunk);
          }
        };
        const error = await listen().catch((error) => error);
        assert.equal(finished.length, 0);
        if (how === "broken") assert.match(String(error?.message), /broke down/);
      });
    }

    test("a stream that is not asked for as events is one array, whole only if the answer is", async () => {
      const ask = async (words) => {
        const path = `/v1beta/models/${encodeURIComponent(model(words))}:streamGenerateContent`;
        const headers = { "x-goog-api-key": "sk-caller-key", ...route(provider, scene.upstream) };
        return post(scene.worker.url, path, headers, { contents: [{ role: "user", parts: [{ text: "Hi" }] }] });
      };
      const { status, headers, body } = await ask("plain");
      assert.deepEqual([status, headers.get("content-type")], [200, "application/json; charset=utf-8"]);
      const answer = answerOf(JSON.parse(body));
      assert.deepEqual([answer.text, answer.finish], [PLAIN, "STOP"]);
      assert.ok(JSON.parse(body).length > 1, body);
      assert.match(JSON.parse((await ask("broken")).body).at(-1).error.message, /broke down/);
      for (const how of ["cut-fin", "cut-rst"]) {
        const { body } = await ask(how);
        assert.throws(() => JSON.parse(body), SyntaxError, body);
        assert.ok(body.startsWith('[{"candidates"'), body);
      }
    });

    test("the provider sees its key and nothing of the gateway's or of Google's", async () => {
      const asked = model("plain");
      await ask({ model: asked, contents: "Hi" }, { "x-causeway-metadata": '{"_user":"u1"}', cookie: "session=callers" });
      const { headers, raw } = await scene.upstream.got(asked);
      const own = Object.keys(headers).filter((name) => /^x-(causeway|portkey)-|cookie/.test(name));
      assert.deepEqual(own, []);
      assert.equal("x-goog-api-key" in headers, provider === "gemini");
      assert.equal((JSON.stringify(headers) + raw).match(/sk-caller-key/g).length, 1);
    });
  });
}

function answerOf(chunks) {
  const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
  const text = (thought) => parts.filter((part) => !!part.thought === thought).map((part) => part.text ?? "").join("");
  return {
    // Pieces of text belong together; an empty one is refused in a history.
    parts: parts.filter((part) => part.text !== ""),
    text: text(false),
    thought: text(true),
    calls: parts.flatMap((part) => part.functionCall ?? []),
    finish: chunks.map((chunk) => chunk.candidates?.[0]?.finishReason).findLast(Boolean),
    usage: chunks.findLast((chunk) => chunk.usageMetadata)?.usageMetadata,
  };
}
