// What the fake provider does besides talking: { [path]: (note) => [status, body, type] }, or a stream of pieces for a body.

import { setTimeout as sleep } from "node:timers/promises";

/** The vector of a text: exact in single precision, so that its bytes can be compared. */
export function vectorOf(text) {
  return [text.length, -0.5, 0.25, text.charCodeAt(0) / 128];
}

export const PICTURE = Buffer.from("a picture, as it were").toString("base64");

/** All bytes there are, in several pieces, none of it text. */
export const SOUND = Array.from({ length: 8 }, (_, n) => Buffer.from(Array.from({ length: 256 }, (_, at) => (at * 7 + n) % 256)));

const ERRANDS = [
  [/^\/v1\/embeddings$/, openaiEmbeddings],
  [/^\/v1\/images\/generations$/, openaiImages],
  [/^\/v1\/moderations$/, openaiModerations],
  [/^\/v1\/audio\/speech$/, openaiSpeech],
  [/^\/v2\/embed$/, cohereEmbed],
  [/^\/v1beta\/models\/([^/]+):batchEmbedContents$/, geminiEmbeddings],
];

/** The errand behind a path, which takes the request's note and gives [status, body, type]; with the model in it. */
export function errandAt(pathname) {
  for (const [pattern, run] of ERRANDS) {
    const [path, model] = pathname.match(pattern) ?? [];
    if (path) return { run, model: model && decodeURIComponent(model) };
  }
}

const openaiFault = (status, message) => [status, { error: { message, type: "invalid_request_error", param: null, code: null } }];
const keyless = ({ headers }) => (/^Bearer \S+$/.test(headers.authorization ?? "") ? undefined : openaiFault(401, "You didn't provide an API key."));

/** Base64 is of little-endian single floats. */
function openaiEmbeddings(note) {
  const { input, model, encoding_format = "float" } = note.body;
  const packed = (vector) => (encoding_format === "base64" ? Buffer.from(new Float32Array(vector).buffer).toString("base64") : vector);
  const data = [input].flat().map((text, index) => ({ object: "embedding", index, embedding: packed(vectorOf(text)) }));
  return keyless(note) ?? [200, { object: "list", data, model, usage: { prompt_tokens: 6, total_tokens: 6 } }];
}

function openaiImages(note) {
  const { n = 1, prompt } = note.body;
  if (prompt === "fail") return openaiFault(400, "Your request was rejected by the fake safety system.");
  const data = Array.from({ length: n }, () => ({ b64_json: PICTURE, revised_prompt: prompt }));
  return keyless(note) ?? [200, { created: 1795219200, data, usage: { total_tokens: 60, input_tokens: 10, output_tokens: 50 } }];
}

function openaiModerations(note) {
  const results = [note.body.input].flat().map((text) => {
    const flagged = text.includes("kill");
    return { flagged, categories: { violence: flagged }, category_scores: { violence: flagged ? 0.9 : 0.1 }, category_applied_input_types: { violence: ["text"] } };
  });
  return keyless(note) ?? [200, { id: "modr-fake1", model: note.body.model, results }];
}

function openaiSpeech(note) {
  return keyless(note) ?? [200, note.body.input === "slow" ? slowly(SOUND) : Buffer.concat(SOUND), "audio/mpeg"];
}

async function* slowly(pieces) {
  for (const piece of pieces) {
    yield piece;
    await sleep(40);
  }
}

function cohereEmbed({ headers, body }) {
  if (!/^Bearer \S+$/.test(headers.authorization ?? "")) return [401, { message: "no api key supplied" }];
  const { texts, input_type, embedding_types, model, ...more } = body;
  if (!input_type || embedding_types?.join() !== "float" || Object.keys(more).length) return [400, { message: `invalid request: ${JSON.stringify(body)}` }];
  const units = { billed_units: { input_tokens: 6 } };
  return [200, { id: "fake", texts, embeddings: { float: texts.map(vectorOf) }, meta: { api_version: { version: "2" }, ...units }, response_type: "embeddings_by_type" }];
}

function geminiEmbeddings({ headers, body, model }) {
  if (!headers["x-goog-api-key"]) return [403, { error: { code: 403, message: "no key", status: "PERMISSION_DENIED" } }];
  const wrong = body.requests.find((request) => request.model !== `models/${model}`);
  if (wrong) return [400, { error: { code: 400, message: `a request for ${wrong.model} among those of ${model}`, status: "INVALID_ARGUMENT" } }];
  return [200, { embeddings: body.requests.map(({ content }) => ({ values: vectorOf(content.parts[0].text) })) }];
}
