// What the fake provider keeps for its callers, and what it makes of forms: nothing of it is a conversation, and not
// all of it is JSON.

import { PICTURE } from "./errands.mjs";

export const HEARD = "Hello, said the sound.";
export const CAPTIONS = `1\n00:00:00,000 --> 00:00:02,500\n${HEARD}\n`;

const SEGMENT = { id: 0, seek: 0, start: 0, end: 2.5, text: HEARD, tokens: [50364], temperature: 0, avg_logprob: -0.2, compression_ratio: 1.1, no_speech_prob: 0.01 };
const AT = 1795219200;
const files = new Map();

const DOORS = [
  ["GET", /^\/v1\/files$/, () => ok({ object: "list", data: [...files.values()].map(({ file }) => file), has_more: false })],
  ["POST", /^\/v1\/files$/, keepFile],
  ["GET", /^\/v1\/files\/([^/]+)$/, (note, id) => (files.has(id) ? ok(files.get(id).file) : missing(id))],
  ["DELETE", /^\/v1\/files\/([^/]+)$/, (note, id) => (files.delete(id) ? ok({ id, object: "file", deleted: true }) : missing(id))],
  ["GET", /^\/v1\/files\/([^/]+)\/content$/, (note, id) => (files.has(id) ? [200, files.get(id).bytes, "application/octet-stream"] : missing(id))],
  ["POST", /^\/v1\/batches$/, (note) => ok(batch("batch_fake1", "validating", JSON.parse(note.raw)))],
  ["GET", /^\/v1\/batches$/, () => ok({ object: "list", data: [batch("batch_fake1", "completed")], has_more: false })],
  ["GET", /^\/v1\/batches\/([^/]+)$/, (note, id) => ok(batch(id, "completed"))],
  ["POST", /^\/v1\/batches\/([^/]+)\/cancel$/, (note, id) => ok(batch(id, "cancelling"))],
  ["POST", /^\/v1\/audio\/(?:transcriptions|translations)$/, hear],
  ["POST", /^\/v1\/images\/(?:edits|variations)$/, draw],
  ["GET", /^\/v1\/responses\/([^/]+)$/, (note, id) => ok(response(id, "completed"))],
  ["DELETE", /^\/v1\/responses\/([^/]+)$/, (note, id) => ok({ id, object: "response", deleted: true })],
  ["POST", /^\/v1\/responses\/([^/]+)\/cancel$/, (note, id) => ok(response(id, "cancelled"))],
  ["GET", /^\/v1\/responses\/([^/]+)\/input_items$/, () => ok({ object: "list", data: [{ id: "msg_1", type: "message", role: "user" }], has_more: false })],
  ["POST", /^\/v1\/messages\/count_tokens$/, (note) => ok({ input_tokens: JSON.parse(note.raw).messages.length * 7 })],
  ["POST", /^\/v1beta\/models\/[^/]+:countTokens$/, (note) => ok({ totalTokens: JSON.parse(note.raw).contents.length * 7 })],
  ["POST", /^\/v1\/messages\/batches$/, (note) => ok(messageBatch("in_progress", JSON.parse(note.raw).requests.length))],
  ["GET", /^\/v1\/messages\/batches\/([^/]+)$/, (note) => ok(messageBatch("ended", 1, resultsOf(note)))],
  ["GET", /^\/v1\/messages\/batches\/([^/]+)\/results$/, () => [200, `${JSON.stringify({ custom_id: "one", result: { type: "canceled" } })}\n`, "application/x-jsonl"]],
];

const ok = (body) => [200, body];
const missing = (id) => [404, { error: { message: `No such File object: ${id}`, type: "invalid_request_error", param: "id", code: null } }];

/** What answers at a path, if anything does: it takes the request's note and gives [status, body, type]. */
export function passageAt(method, pathname) {
  for (const [takes, pattern, run] of DOORS) {
    const [path, id] = (takes === method && pathname.match(pattern)) || [];
    if (path) return async (note) => refusal(note) ?? run(await opened(note), id);
  }
}

function refusal({ path, headers }) {
  if (path.startsWith("/v1beta/")) return headers["x-goog-api-key"] ? undefined : [403, { error: { code: 403, message: "no key", status: "PERMISSION_DENIED" } }];
  const anthropic = path.startsWith("/v1/messages/");
  if (anthropic ? headers["x-api-key"] && headers["anthropic-version"] : /^Bearer \S+$/.test(headers.authorization ?? "")) return undefined;
  const error = { type: "authentication_error", message: "no key" };
  return [401, anthropic ? { type: "error", error } : { error: { ...error, param: null, code: "invalid_api_key" } }];
}

/** The note with the fields of its form: texts, and { name, type, bytes } for files. */
async function opened(note) {
  if (!/^multipart\/form-data/.test(note.headers["content-type"] ?? "")) return note;
  const form = await new Response(note.bytes, { headers: { "content-type": note.headers["content-type"] } }).formData();
  const field = async (value) => (typeof value === "string" ? value : { name: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()) });
  note.form = await Promise.all([...form].map(async ([name, value]) => [name, await field(value)]));
  note.model = fieldOf(note, "model");
  return note;
}

/** A field of a form. */
export function fieldOf(note, name) {
  return note.form.find(([known]) => known === name)?.[1];
}

function keepFile(note) {
  const { name, bytes } = fieldOf(note, "file");
  const file = { id: `file-fake${files.size + 1}`, object: "file", bytes: bytes.length, created_at: AT, filename: name, purpose: fieldOf(note, "purpose"), status: "processed" };
  files.set(file.id, { file, bytes });
  return ok(file);
}

function hear(note) {
  if (fieldOf(note, "model") === undefined || !fieldOf(note, "file")?.bytes) return [400, { error: { message: "model and file are required", type: "invalid_request_error" } }];
  if (fieldOf(note, "stream") === "true") return [200, heard(), "text/event-stream"];
  switch (fieldOf(note, "response_format") ?? "json") {
    case "text":
      return [200, `${HEARD}\n`, "text/plain; charset=utf-8"];
    case "srt":
      return [200, CAPTIONS, "text/plain; charset=utf-8"];
    case "verbose_json":
      return ok({ task: "transcribe", language: "english", duration: 2.5, text: HEARD, segments: [SEGMENT], usage: { type: "duration", seconds: 3 } });
    default:
      return ok({ text: HEARD, usage: { type: "duration", seconds: 3 } });
  }
}

async function* heard() {
  for (const delta of HEARD.match(/\s*\S+/g)) yield `data: ${JSON.stringify({ type: "transcript.text.delta", delta })}\n\n`;
  const usage = { type: "tokens", input_tokens: 14, output_tokens: 6, total_tokens: 20, input_token_details: { text_tokens: 0, audio_tokens: 14 } };
  yield `data: ${JSON.stringify({ type: "transcript.text.done", text: HEARD, usage })}\n\ndata: [DONE]\n\n`;
}

function draw(note) {
  const many = Number(fieldOf(note, "n") ?? 1);
  return ok({ created: AT, data: Array.from({ length: many }, () => ({ b64_json: PICTURE })), usage: { input_tokens: 10, output_tokens: 50, total_tokens: 60 } });
}

function batch(id, status, asked = { input_file_id: "file-fake1", endpoint: "/v1/chat/completions", completion_window: "24h" }) {
  return { id, object: "batch", status, created_at: AT, errors: null, ...asked };
}

function response(id, status) {
  return { id, object: "response", created_at: AT, status, output: [], model: "gpt-4o" };
}

function messageBatch(processing_status, processing, results_url = null) {
  const request_counts = { processing, succeeded: 0, errored: 0, canceled: 0, expired: 0 };
  return { id: "msgbatch_fake1", type: "message_batch", processing_status, request_counts, created_at: "2026-11-21T00:00:00Z", results_url };
}

/** Where the results are, told as the real one tells it: with its own host in front. */
function resultsOf({ headers, path }) {
  return `http://${headers.host}${path}/results`;
}
