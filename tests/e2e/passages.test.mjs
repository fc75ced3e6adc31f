// What passes without being read: files, batches and stored answers, forms with files in them, and a provider's own
// API behind /v1/proxy/PROVIDER. The official clients send it, and the provider sees what they sent.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { request } from "node:http";
import { describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { CohereClientV2 } from "cohere-ai";
import OpenAI, { toFile } from "openai";
import { route } from "./callers.mjs";
import { modelOf, stage } from "./pairs.mjs";
import { until } from "./until.mjs";
import { PLAIN } from "./upstream/answers.mjs";
import { PICTURE, SOUND, vectorOf } from "./upstream/errands.mjs";
import { CAPTIONS, HEARD, fieldOf } from "./upstream/passages.mjs";

const scene = stage();
const KEY = "sk-caller-key";
// All bytes there are, line ends and dashes among them.
const BYTES = Buffer.concat([...SOUND, Buffer.from("\r\n--not-the-boundary--\r\n\r\n"), ...SOUND]);
const OTHER = Buffer.from("another file, with \r\n in it");
const MIB = 1 << 20;

function openai(provider = "openai", path = "/v1") {
  const defaultHeaders = { ...route(provider, scene.upstream), "x-causeway-metadata": '{"_user":"u1"}', cookie: "session=callers" };
  return new OpenAI({ apiKey: KEY, baseURL: scene.worker.url + path, defaultHeaders, maxRetries: 0, timeout: 10_000 });
}

function anthropic(provider) {
  return new Anthropic({ apiKey: KEY, baseURL: scene.worker.url, defaultHeaders: route(provider, scene.upstream), maxRetries: 0, timeout: 10_000 });
}

const last = () => scene.upstream.seen.at(-1);
const sha = (bytes) => createHash("sha256").update(bytes).digest("hex");
const file = (bytes = BYTES, name = "sound.mp3", type = "audio/mpeg") => toFile(bytes, name, { type });

/** That the last request came to the provider as the caller would have sent it there itself. */
function cameClean(method, path, name = "authorization", key = `Bearer ${KEY}`) {
  const seen = last();
  assert.deepEqual([seen.method, seen.path, seen.headers[name]], [method, path, key]);
  assert.deepEqual(Object.keys(seen.headers).filter((name) => /^x-(causeway|portkey)-|cookie|^cf-/.test(name)), []);
  assert.equal(JSON.stringify(seen.headers).split(KEY).length, 2, "the key came once");
  return seen;
}

function assertFile(found, bytes = BYTES, name = "sound.mp3", type = "audio/mpeg") {
  assert.deepEqual([found.name, found.type, found.bytes.length, sha(found.bytes)], [name, type, bytes.length, sha(bytes)]);
}

describe("files", () => {
  test("one is uploaded, listed, told of, read and deleted", async () => {
    const { files } = openai();
    const kept = await files.create({ file: await file(BYTES, "lines.jsonl", "application/jsonl"), purpose: "batch" });
    assert.deepEqual([kept.object, kept.bytes, kept.filename, kept.purpose], ["file", BYTES.length, "lines.jsonl", "batch"]);
    assertFile(fieldOf(cameClean("POST", "/v1/files"), "file"), BYTES, "lines.jsonl", "application/jsonl");
    const listed = [];
    for await (const each of files.list({ limit: 3, purpose: "batch" })) listed.push(each.id);
    assert.deepEqual(listed, [kept.id]);
    cameClean("GET", "/v1/files?limit=3&purpose=batch");
    assert.deepEqual(await files.retrieve(kept.id), kept);
    const content = Buffer.from(await (await files.content(kept.id)).arrayBuffer());
    assert.equal(sha(content), sha(BYTES));
    cameClean("GET", `/v1/files/${kept.id}/content`);
    assert.equal((await files.delete(kept.id)).deleted, true);
    cameClean("DELETE", `/v1/files/${kept.id}`);
  });

  test("what the provider says of one that is missing is the client's own error", async () => {
    const error = await openai().files.retrieve("file-none").catch((error) => error);
    assert.ok(error instanceof OpenAI.NotFoundError, String(error));
    assert.match(error.message, /No such File object: file-none/);
  });
});

test("batches are made, listed, told of and cancelled", async () => {
  const { batches } = openai();
  const asked = { input_file_id: "file-1", endpoint: "/v1/chat/completions", completion_window: "24h", metadata: { of: "mine" } };
  const made = await batches.create(asked);
  assert.deepEqual([made.status, made.metadata], ["validating", asked.metadata]);
  assert.deepEqual(JSON.parse(cameClean("POST", "/v1/batches").raw), asked);
  assert.equal((await batches.list()).data[0].id, made.id);
  assert.equal((await batches.retrieve(made.id)).status, "completed");
  assert.equal((await batches.cancel(made.id)).status, "cancelling");
  cameClean("POST", `/v1/batches/${made.id}/cancel`);
});

test("stored responses are told of, cancelled and deleted", async () => {
  const { responses } = openai();
  assert.equal((await responses.retrieve("resp_1", { include: ["reasoning.encrypted_content"] })).id, "resp_1");
  assert.match(decodeURIComponent(last().path), /^\/v1\/responses\/resp_1\?include(\[\])?=reasoning\.encrypted_content$/);
  assert.equal((await responses.cancel("resp_1")).status, "cancelled");
  const items = [];
  for await (const item of responses.inputItems.list("resp_1")) items.push(item.id);
  assert.deepEqual(items, ["msg_1"]);
  cameClean("GET", "/v1/responses/resp_1/input_items");
  await responses.delete("resp_1");
  cameClean("DELETE", "/v1/responses/resp_1");
});

describe("transcriptions", () => {
  const hear = async (more) => openai().audio.transcriptions.create({ model: "whisper-1", file: await file(), ...more });
  const heard = { text: `${HEARD}\n`, srt: CAPTIONS, json: { text: HEARD, usage: { type: "duration", seconds: 3 } } };

  for (const [response_format, expected] of Object.entries(heard)) {
    test(`${response_format} comes as the provider wrote it`, async () => {
      assert.deepEqual(await hear({ response_format, language: "en" }), expected);
      const seen = cameClean("POST", "/v1/audio/transcriptions");
      assertFile(fieldOf(seen, "file"));
      assert.deepEqual(["model", "response_format", "language"].map((name) => fieldOf(seen, name)), ["whisper-1", response_format, "en"]);
    });
  }

  test("verbose_json comes with its segments", async () => {
    const answer = await hear({ response_format: "verbose_json", timestamp_granularities: ["segment"] });
    assert.deepEqual([answer.text, answer.duration, answer.segments.length], [HEARD, 2.5, 1]);
    assert.equal(fieldOf(last(), "timestamp_granularities[]"), "segment");
  });

  test("a stream comes with its pieces", async () => {
    const events = [];
    for await (const event of await hear({ model: "gpt-4o-transcribe", stream: true })) events.push(event);
    assert.equal(events.slice(0, -1).map((event) => event.delta).join(""), HEARD);
    assert.deepEqual([events.length, events.at(-1).type, events.at(-1).text], [5, "transcript.text.done", HEARD]);
    assert.equal(fieldOf(last(), "stream"), "true");
  });

  test("the provider in the model's name is not named to it, and the file is the same", async () => {
    const client = openai();
    for (const bytes of [BYTES, Buffer.concat(Array(100).fill(BYTES))]) {
      assert.equal((await client.audio.transcriptions.create({ model: "openai/whisper-1", file: await file(bytes) })).text, HEARD);
      const seen = cameClean("POST", "/v1/audio/transcriptions");
      assertFile(fieldOf(seen, "file"), bytes);
      assert.deepEqual(seen.form.filter(([name]) => name === "model"), [["model", "whisper-1"]]);
    }
  });

  test("a record is kept of it", async () => {
    await hear({ model: "whisper-recorded" });
    const record = await scene.worker.record("whisper-recorded");
    assert.deepEqual([record.provider, record.outcome], ["openai", "complete"]);
  });
});

test("a translation comes as the provider wrote it", async () => {
  const answer = await openai().audio.translations.create({ model: "whisper-1", file: await file(), response_format: "json" });
  assert.equal(answer.text, HEARD);
  assertFile(fieldOf(cameClean("POST", "/v1/audio/translations"), "file"));
});

test("images are edited, several in one form, and varied", async () => {
  const { images } = openai();
  const pictures = [await file(BYTES, "one.png", "image/png"), await file(OTHER, "two.webp", "image/webp")];
  const edited = await images.edit({ model: "openai/gpt-image-1", image: pictures, prompt: "a cat, héllo", n: 2 });
  assert.deepEqual(edited.data.map(({ b64_json }) => b64_json), [PICTURE, PICTURE]);
  const seen = cameClean("POST", "/v1/images/edits");
  const sent = seen.form.filter(([name]) => name === "image[]").map(([, value]) => value);
  assertFile(sent[0], BYTES, "one.png", "image/png");
  assertFile(sent[1], OTHER, "two.webp", "image/webp");
  assert.deepEqual(["model", "prompt", "n"].map((name) => fieldOf(seen, name)), ["gpt-image-1", "a cat, héllo", "2"]);
  const varied = await images.createVariation({ model: "dall-e-2", image: await file(BYTES, "one.png", "image/png") });
  assert.equal(varied.data[0].b64_json, PICTURE);
  assertFile(fieldOf(cameClean("POST", "/v1/images/variations"), "image"), BYTES, "one.png", "image/png");
});

test("speech arrives piece by piece", async () => {
  const answer = await openai().audio.speech.create({ model: "gpt-4o-mini-tts", voice: "alloy", input: "slow" });
  const times = [];
  const pieces = [];
  for await (const piece of answer.body) times.push(performance.now()) && pieces.push(piece);
  assert.equal(sha(Buffer.concat(pieces)), sha(Buffer.concat(SOUND)));
  assert.ok(times.at(-1) - times[0] > 150, `${pieces.length} pieces within ${times.at(-1) - times[0]} ms`);
});

describe("an upload of 30 MiB", () => {
  const boundary = "a-boundary";
  const part = (name, value) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const piece = Buffer.alloc(MIB, BYTES);

  /** Sends half of a form, waits until the provider has seen of it, and sends the rest. Gives the answer's status. */
  async function upload(path, fields) {
    const headers = { ...route("openai", scene.upstream), authorization: `Bearer ${KEY}`, "content-type": `multipart/form-data; boundary=${boundary}` };
    const asking = request(scene.worker.url + path, { method: "POST", headers });
    const answered = new Promise((resolve, reject) => asking.on("response", resolve).on("error", reject));
    const before = scene.upstream.seen.length;
    asking.write(`${fields}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\nContent-Type: audio/mpeg\r\n\r\n`);
    for (let sent = 0; sent < 15; sent += 1) asking.write(piece);
    const seen = await until(() => scene.upstream.seen.slice(before).find((note) => note.come > MIB), "the first bytes at the provider");
    assert.ok(seen.come < 16 * MIB);
    for (let sent = 15; sent < 30; sent += 1) asking.write(piece);
    asking.end(`\r\n--${boundary}--\r\n`);
    const response = await answered;
    response.resume();
    assert.equal(response.statusCode, 200);
    assertFile(fieldOf(seen, "file"), Buffer.concat(Array(30).fill(piece)), "big.bin");
    return seen;
  }

  test("passes to the files while it comes", async () => {
    assert.equal(fieldOf(await upload("/v1/files", part("purpose", "user_data")), "purpose"), "user_data");
  });

  test("passes to be transcribed while it comes, its model's name changed on the way", async () => {
    for (const model of ["whisper-1", "openai/whisper-1"]) {
      assert.equal(fieldOf(await upload("/v1/audio/transcriptions", part("model", model)), "model"), "whisper-1");
    }
  });
});

describe("a provider's own API", () => {
  const cohere = () => {
    const headers = { ...route("cohere", scene.upstream), cookie: "session=callers" };
    return new CohereClientV2({ token: KEY, environment: `${scene.worker.url}/v1/proxy/cohere`, headers, maxRetries: 0 });
  };
  const asked = (words) => ({ model: modelOf("cohere", words), messages: [{ role: "user", content: "Hi" }] });

  test("OpenAI's models are those that the provider lists", async () => {
    const { data } = await openai("openai", "/v1/proxy/openai").models.list();
    assert.deepEqual(data.map(({ id }) => id), ["fake-model"]);
    cameClean("GET", "/v1/models");
  });

  test("Cohere's client is answered whole", async () => {
    const answer = await cohere().chat(asked("plain"));
    assert.deepEqual([answer.message.content[0].text, answer.finishReason, answer.usage.tokens.inputTokens], [PLAIN, "COMPLETE", 21]);
    cameClean("POST", "/v2/chat");
  });

  test("Cohere's client is answered in a stream", async () => {
    let text = "";
    let end;
    for await (const event of await cohere().chatStream(asked("plain"))) {
      if (event.type === "content-delta") text += event.delta.message.content.text;
      if (event.type === "message-end") end = event.delta.finishReason;
    }
    assert.deepEqual([text, end], [PLAIN, "COMPLETE"]);
    cameClean("POST", "/v2/chat");
  });

  test("Cohere's errors are those of its client", async () => {
    const error = await cohere().chat(asked("status-429")).catch((error) => error);
    assert.deepEqual([error.name, error.statusCode], ["TooManyRequestsError", 429]);
  });

  test("Cohere's vectors are asked for in its own form", async () => {
    const { embeddings } = await cohere().embed({ model: "embed-v4.0", inputType: "search_query", embeddingTypes: ["float"], texts: ["one"] });
    assert.equal(embeddings.float.length, 1);
    cameClean("POST", "/v2/embed");
  });

  test("a provider that nobody knows is refused", async () => {
    const error = await openai("openai", "/v1/proxy/opanai").models.list().catch((error) => error);
    assert.equal(error.status, 400);
    assert.match(error.message, /opanai.*openai/);
  });
});

describe("Anthropic's client", () => {
  const messages = [{ role: "user", content: "Hi" }, { role: "assistant", content: "Hello" }, { role: "user", content: "What is the weather like?" }];

  test("has its tokens counted by Anthropic", async () => {
    const { data, response } = await anthropic("anthropic").messages.countTokens({ model: "anthropic/claude-sonnet-4-5", messages }).withResponse();
    assert.deepEqual([data.input_tokens, response.headers.get("x-causeway-estimated")], [21, null]);
    assert.deepEqual(JSON.parse(cameClean("POST", "/v1/messages/count_tokens", "x-api-key", KEY).raw), { model: "claude-sonnet-4-5", messages });
  });

  test("has them estimated where the provider cannot count, and is told", async () => {
    const before = scene.upstream.seen.length;
    const { data, response } = await anthropic("openai").messages.countTokens({ model: "gpt-4o", messages }).withResponse();
    assert.ok(data.input_tokens > 5 && data.input_tokens < 60, String(data.input_tokens));
    assert.deepEqual([response.headers.get("x-causeway-estimated"), scene.upstream.seen.length], ["true", before]);
  });

  test("has its batches made, told of and their results read", async () => {
    const client = anthropic("anthropic");
    const asked = { requests: [{ custom_id: "one", params: { model: "claude-sonnet-4-5", max_tokens: 10, messages } }] };
    const made = await client.messages.batches.create(asked);
    assert.deepEqual([made.processing_status, made.request_counts.processing], ["in_progress", 1]);
    assert.deepEqual(JSON.parse(cameClean("POST", "/v1/messages/batches", "x-api-key", KEY).raw), asked);
    assert.equal((await client.messages.batches.retrieve(made.id)).processing_status, "ended");
    const { results_url } = await client.messages.batches.retrieve(made.id);
    assert.equal(results_url, `${scene.worker.url}/v1/messages/batches/${made.id}/results`);
    const results = [];
    for await (const result of await client.messages.batches.results(made.id)) results.push(result);
    assert.deepEqual(results, [{ custom_id: "one", result: { type: "canceled" } }]);
    cameClean("GET", `/v1/messages/batches/${made.id}/results`, "x-api-key", KEY);
  });
});

describe("Google's client", () => {
  const google = (provider) => new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: scene.worker.url, headers: route(provider, scene.upstream) } });

  test("has its tokens counted by Google, and estimated where the provider cannot", async () => {
    assert.equal((await google("gemini").models.countTokens({ model: "gemini-3-flash-preview", contents: "How many?" })).totalTokens, 7);
    cameClean("POST", "/v1beta/models/gemini-3-flash-preview:countTokens", "x-goog-api-key", KEY);
    const before = scene.upstream.seen.length;
    const { totalTokens, sdkHttpResponse } = await google("openai").models.countTokens({ model: "gpt-4o", contents: "How many?" });
    assert.deepEqual([totalTokens, sdkHttpResponse.headers["x-causeway-estimated"], scene.upstream.seen.length], [3, "true", before]);
  });

  test("has its vectors as Google made them", async () => {
    const { embeddings } = await google("gemini").models.embedContent({ model: "gemini-embedding-001", contents: ["one", "twofold"] });
    assert.deepEqual(embeddings.map(({ values }) => values), [vectorOf("one"), vectorOf("twofold")]);
    cameClean("POST", "/v1beta/models/gemini-embedding-001:batchEmbedContents", "x-goog-api-key", KEY);
  });
});
