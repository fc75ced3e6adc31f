// What OpenAI's own client asks for besides conversations, and the completions of old.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { route } from "./callers.mjs";
import { modelOf, stage } from "./pairs.mjs";
import { PLAIN } from "./upstream/answers.mjs";
import { PICTURE, SOUND, vectorOf } from "./upstream/errands.mjs";

const scene = stage();
const TEXTS = ["first", "second, and longer", "third"];
const EMBEDDERS = {
  openai: ["text-embedding-3-small", "/v1/embeddings"],
  cohere: ["embed-v4.0", "/v2/embed"],
  gemini: ["gemini-embedding-001", "/v1beta/models/gemini-embedding-001:batchEmbedContents"],
};

function clientOf(provider, headers = {}) {
  return new OpenAI({ apiKey: "sk-caller-key", baseURL: `${scene.worker.url}/v1`, defaultHeaders: { ...route(provider, scene.upstream), ...headers }, maxRetries: 0, timeout: 20_000 });
}

for (const [provider, path] of Object.entries({ openai: "/v1/completions", anthropic: "/v1/messages", gemini: /^\/v1beta\/models\/[^/]+:(stream)?[gG]enerateContent/ })) {
  describe(`completions of old with the ${provider} provider`, () => {
    test("a text is completed, whole and streamed", async () => {
      const model = modelOf(provider, "echo");
      const whole = await clientOf(provider).completions.create({ model, prompt: "Once upon a time", max_tokens: 20 });
      assert.equal(whole.object, "text_completion");
      assert.deepEqual([whole.choices[0].text, whole.choices[0].finish_reason, whole.usage.total_tokens], ["Once upon a time", "stop", 30]);
      const seen = await scene.upstream.got(model);
      if (typeof path === "string") assert.equal(seen.path, path);
      else assert.match(seen.path, path);
      const chunks = [];
      const stream = await clientOf(provider).completions.create({ model: modelOf(provider, "plain"), prompt: "Hi", stream: true, stream_options: { include_usage: true } });
      for await (const chunk of stream) chunks.push(chunk);
      assert.equal(chunks.map((chunk) => chunk.choices[0]?.text ?? "").join(""), PLAIN);
      assert.deepEqual(chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean), ["stop"]);
      assert.equal(chunks.at(-1).usage.total_tokens, 30);
    });

    test("an end by length and errors are told", async () => {
      const short = await clientOf(provider).completions.create({ model: modelOf(provider, "length"), prompt: "Hi", max_tokens: 5 });
      assert.equal(short.choices[0].finish_reason, "length");
      await assert.rejects(clientOf(provider).completions.create({ model: modelOf(provider, "status-429"), prompt: "Hi" }), OpenAI.RateLimitError);
    });
  });
}

for (const [provider, [model, path]] of Object.entries(EMBEDDERS)) {
  describe(`embeddings with the ${provider} provider`, () => {
    test("vectors come in the order of their texts, as numbers and as the client's own base64", async () => {
      for (const more of [{ encoding_format: "float" }, {}]) {
        const answer = await clientOf(provider).embeddings.create({ model, input: TEXTS, ...more });
        assert.equal(answer.object, "list");
        assert.deepEqual(answer.data.map(({ object, index, embedding }) => [object, index, embedding]), TEXTS.map((text, index) => ["embedding", index, vectorOf(text)]));
        assert.equal((await scene.upstream.got(model)).path, path);
      }
    });

    test("base64 is what the client gets when it asks for it", async () => {
      const answer = await clientOf(provider).embeddings.create({ model, input: "alone", encoding_format: "base64" });
      assert.equal(answer.data[0].embedding, Buffer.from(new Float32Array(vectorOf("alone")).buffer).toString("base64"));
    });

    test("nothing of the gateway's own goes along", async () => {
      await clientOf(provider, { "x-causeway-metadata": '{"_user":"u1"}', cookie: "session=callers" }).embeddings.create({ model, input: "Hi" });
      const { headers } = await scene.upstream.got(model);
      const own = Object.keys(headers).filter((name) => /^x-(causeway|portkey|stainless)-|cookie/.test(name));
      assert.deepEqual(own, []);
      assert.equal(JSON.stringify(headers).match(/sk-caller-key/g).length, 1);
    });
  });
}

test("more texts than the provider takes at once are asked for in turn and come in one answer", async () => {
  const input = Array.from({ length: 205 }, (_, n) => `${n} is a number`);
  for (const [provider, asked] of Object.entries({ openai: 1, cohere: 3, gemini: 3 })) {
    const before = scene.upstream.seen.length;
    const { data } = await clientOf(provider).embeddings.create({ model: EMBEDDERS[provider][0], input });
    assert.deepEqual(data.map(({ index, embedding }) => [index, embedding]), input.map((text, index) => [index, vectorOf(text)]));
    assert.equal(scene.upstream.seen.length - before, asked, provider);
  }
});

test("a provider that has none of it is named with those that have", async () => {
  const error = await clientOf("anthropic").embeddings.create({ model: "claude-sonnet-4-5", input: "Hi" }).catch((error) => error);
  assert.ok(error instanceof OpenAI.BadRequestError, String(error));
  assert.match(error.message, /anthropic serves no embeddings.*openai/);
});

test("images come as the provider made them, and a refusal is an error", async () => {
  const asked = { model: "gpt-image-2", prompt: "a cat", n: 2, size: "1024x1024" };
  const answer = await clientOf("openai").images.generate(asked);
  assert.deepEqual(answer.data.map(({ b64_json }) => b64_json), [PICTURE, PICTURE]);
  assert.equal(answer.usage.total_tokens, 60);
  assert.deepEqual((await scene.upstream.got("gpt-image-2")).body, asked);
  await assert.rejects(clientOf("openai").images.generate({ ...asked, prompt: "fail" }), (error) => error instanceof OpenAI.BadRequestError && /fake safety system/.test(error.message));
});

test("moderations judge each text", async () => {
  const answer = await clientOf("openai").moderations.create({ model: "omni-moderation-latest", input: ["I will kill you", "I will kiss you"] });
  assert.deepEqual(answer.results.map((result) => result.flagged), [true, false]);
});

test("moderations without a model are those of the provider", async () => {
  const answer = await clientOf("openai").moderations.create({ input: "I will kill you" });
  assert.equal(answer.results[0].flagged, true);
});

describe("speech", () => {
  const speak = (input) => clientOf("openai").audio.speech.create({ model: "gpt-4o-mini-tts", voice: "alloy", input });

  test("the sound arrives byte for byte", async () => {
    const answer = await speak("Hello");
    assert.equal(answer.headers.get("content-type"), "audio/mpeg");
    assert.ok(Buffer.concat(SOUND).equals(Buffer.from(await answer.arrayBuffer())));
  });

  test("it arrives while it is made", async () => {
    const answer = await speak("slow");
    const pieces = [];
    const times = [];
    for await (const piece of answer.body) {
      pieces.push(piece);
      times.push(performance.now());
    }
    assert.ok(Buffer.concat(SOUND).equals(Buffer.concat(pieces)));
    assert.ok(times.at(-1) - times[0] > 150, `${pieces.length} pieces within ${times.at(-1) - times[0]} ms`);
  });
});
