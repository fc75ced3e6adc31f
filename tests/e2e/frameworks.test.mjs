// What is built on the clients: the Vercel AI SDK, LangChain and LlamaIndex, with the provider whose dialect they speak
// and with another's.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { OpenAIEmbeddings } from "@langchain/openai";
import { OpenAIEmbedding } from "@llamaindex/openai";
import { embedMany, generateImage, generateSpeech, generateText, transcribe } from "ai";
import { route } from "./callers.mjs";
import { FRAMEWORKS, KEY, at } from "./frameworks.mjs";
import { modelOf, stage } from "./pairs.mjs";
import { PERSON, PLAIN } from "./upstream/answers.mjs";
import { PICTURE, SOUND, vectorOf } from "./upstream/errands.mjs";
import { HEARD, fieldOf } from "./upstream/passages.mjs";

const scene = stage();
const where = (provider) => ({ url: scene.worker.url, headers: route(provider, scene.upstream) });
const PATHS = { "responses of openai": "/v1/responses", "chat of openai": "/v1/chat/completions", "messages of openai": "/v1/chat/completions" };

for (const [name, framework] of Object.entries(FRAMEWORKS)) {
  for (const provider of ["openai", "anthropic"]) {
    describe(`${name}, asking the ${provider} provider`, () => {
      const face = () => framework(where(provider));
      const model = (words) => modelOf(provider, words);
      const path = PATHS[`${name.split(" ").at(-1)} of ${provider}`] ?? "/v1/messages";

      test("an answer comes whole, with its usage", async () => {
        const asked = model("plain");
        assert.deepEqual(await face().ask(asked), { text: PLAIN, usage: [21, 9] });
        const seen = await scene.upstream.got(asked);
        assert.equal(seen.path, path);
        assert.match(seen.raw, /Be kind\./);
        assert.equal((await scene.worker.record(asked)).outcome, "complete");
      });

      test("an answer streams, with its usage", async () => {
        const { text, pieces, usage } = await face().stream(model("plain"));
        assert.deepEqual([text, usage], [PLAIN, [21, 9]]);
        assert.ok(pieces.length > 3, `${pieces.length} pieces`);
      });

      for (const streamed of [false, true]) {
        test(`tools are called and their results used${streamed ? ", in a stream" : ""}`, async () => {
          assert.equal(await face().loop(model("tools"), streamed), "It is sunny in Paris.");
          assert.equal(await face().loop(model("parallel"), streamed), "sunny in Paris and rainy in Rome");
        });
      }

      test("an answer keeps to a schema", async () => {
        assert.deepEqual(await face().object(model("structured")), PERSON);
      });

      test("an error is told with its status and the provider's words", async () => {
        for (const way of ["ask", "stream"]) {
          const error = await face()[way](model("status-400")).then(assert.fail, (error) => error);
          assert.equal(error.status ?? error.statusCode, 400, String(error));
          assert.match(error.message, /the fake provider's own words for 400/);
        }
      });

      test("a stream that breaks off is an error or has no usage", async () => {
        const outcome = await face().stream(model("cut-fin")).catch((error) => error);
        assert.ok(outcome instanceof Error || outcome.usage[1] === undefined, JSON.stringify(outcome));
      });
    });
  }
}

test("the Vercel AI SDK is told what to do where nothing is kept that it refers to", async () => {
  const refer = { role: "assistant", content: [{ type: "text", text: "Hello", providerOptions: { openai: { itemId: "msg_1" } } }] };
  const messages = [{ role: "user", content: "Hi" }, refer, { role: "user", content: "And?" }];
  const asked = { model: createOpenAI(at(where("anthropic")))(modelOf("anthropic", "plain")), messages, maxRetries: 0 };
  await assert.rejects(generateText(asked), (error) => error.statusCode === 400 && /`store` is false/.test(error.message));
  assert.equal((await generateText({ ...asked, providerOptions: { openai: { store: false } } })).text, PLAIN);
});

describe("what the frameworks ask for besides", () => {
  const TEXTS = ["first", "second, and longer"];
  const vectors = TEXTS.map(vectorOf);

  for (const [provider, model] of Object.entries({ openai: "text-embedding-3-small", cohere: "embed-v4.0", gemini: "gemini-embedding-001" })) {
    test(`vectors of ${provider}`, async () => {
      const place = where(provider);
      const vercel = await embedMany({ model: createOpenAI(at(place)).embedding(model), values: TEXTS, maxRetries: 0 });
      assert.deepEqual(vercel.embeddings, vectors);
      const configuration = { baseURL: `${place.url}/v1`, defaultHeaders: place.headers };
      assert.deepEqual(await new OpenAIEmbeddings({ model, apiKey: KEY, maxRetries: 0, configuration }).embedDocuments(TEXTS), vectors);
      const llama = new OpenAIEmbedding({ model, apiKey: KEY, maxRetries: 0, baseURL: configuration.baseURL, additionalSessionOptions: configuration });
      assert.deepEqual(await llama.getTextEmbeddings(TEXTS), vectors);
    });
  }

  test("the Vercel AI SDK's images, speech and transcriptions", async () => {
    const openai = createOpenAI(at(where("openai")));
    const { image } = await generateImage({ model: openai.image("gpt-image-2"), prompt: "a cat", maxRetries: 0 });
    assert.equal(image.base64, PICTURE);
    const { audio } = await generateSpeech({ model: openai.speech("gpt-4o-mini-tts"), text: "Hello", voice: "alloy", maxRetries: 0 });
    assert.ok(Buffer.concat(SOUND).equals(Buffer.from(audio.uint8Array)));
    const { text } = await transcribe({ model: openai.transcription("whisper-1"), audio: Buffer.concat(SOUND), maxRetries: 0 });
    assert.equal(text, HEARD);
    assert.ok(fieldOf(scene.upstream.seen.at(-1), "file").bytes.equals(Buffer.concat(SOUND)));
  });
});
