// The fake provider's OpenAI side: POST /v1/chat/completions.

import { fragmentsOf, piecesOf, wordsOf } from "./answers.mjs";
import { pictured } from "./pictures.mjs";

const KNOWN = new Set(
  ("messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens " +
    "metadata modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_options " +
    "reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options temperature " +
    "tool_choice tools top_logprobs top_p user verbosity web_search_options").split(" "),
);
const FINISH = { end: "stop", calls: "tool_calls", length: "length", refusal: "content_filter" };
const TYPES = { 401: ["invalid_request_error", "invalid_api_key"], 404: ["invalid_request_error", "model_not_found"], 429: ["requests", "rate_limit_exceeded"] };

export const path = "/v1/chat/completions";

/** Why the real API would refuse the request: a status and words, or nothing. */
export function complaint({ headers, body }) {
  if (!/^Bearer \S+$/.test(headers.authorization ?? "")) return [401, "You didn't provide an API key."];
  const unknown = Object.keys(body).find((key) => !KNOWN.has(key));
  if (unknown) return [400, `Unrecognized request argument supplied: ${unknown}`];
  if (typeof body.model !== "string") return [400, "you must provide a model parameter"];
  if (!Array.isArray(body.messages) || body.messages.length === 0) return [400, "[] is too short - 'messages'"];
  if (body.stream_options && !body.stream) return [400, "The 'stream_options' parameter is only allowed when 'stream' is enabled."];
  const badTool = body.tools?.find((tool) => tool.type !== "function" || !/^[a-zA-Z0-9_-]{1,64}$/.test(tool.function?.name));
  if (badTool) return [400, "Invalid 'tools'"];
  return messagesComplaint(body.messages);
}

function messagesComplaint(messages) {
  let open = new Set();
  for (const [at, message] of messages.entries()) {
    if (!["system", "developer", "user", "assistant", "tool"].includes(message.role)) return [400, `Invalid value: messages[${at}].role`];
    if (message.role === "tool") {
      if (!open.delete(message.tool_call_id)) return [400, `messages[${at}]: 'tool' must follow the 'tool_calls' it answers`];
      continue;
    }
    if (open.size) return [400, `tool_calls ${[...open].join(", ")} have no response messages`];
    open = new Set((message.tool_calls ?? []).map((call) => call.id));
    const badCall = message.tool_calls?.find((call) => !call.id || call.type !== "function" || typeof call.function?.arguments !== "string");
    if (badCall) return [400, `Invalid messages[${at}].tool_calls`];
    if (message.content == null && !message.tool_calls) return [400, `Missing messages[${at}].content`];
    const parts = Array.isArray(message.content) ? message.content : [];
    const badPart = parts.find((part) => !["text", "image_url", "input_audio", "file", "refusal"].includes(part.type));
    if (badPart) return [400, `Invalid messages[${at}].content: ${badPart.type}`];
  }
  return open.size ? [400, `tool_calls ${[...open].join(", ")} have no response messages`] : undefined;
}

/** What of a request decides the answer. */
export function look(body) {
  const text = (content) => (typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join(""));
  const since = body.messages.findLastIndex((message) => message.role === "assistant");
  const images = body.messages.flatMap((message) => (Array.isArray(message.content) ? message.content : []))
    .filter((part) => part.type === "image_url").map((part) => pictured(part.image_url.url));
  return {
    words: wordsOf(body.model),
    lastText: text(body.messages.findLast((message) => message.role === "user")?.content),
    results: body.messages.slice(since + 1).filter((message) => message.role === "tool").map((message) => text(message.content)),
    images,
    schema: body.response_format?.type === "json_schema" ? body.response_format.json_schema?.schema : undefined,
    forced: ["required", "object"].includes(typeof body.tool_choice === "string" ? body.tool_choice : typeof body.tool_choice) ? body.tools[0].function.name : undefined,
  };
}

function usageOf({ input, output, cached = 0, reasoning = 0 }) {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  };
}

export function json(answer, model) {
  const text = answer.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
  const message = { role: "assistant", content: text, refusal: null, annotations: [] };
  const thought = answer.parts.find((part) => part.type === "thinking");
  if (thought) message.reasoning_content = thought.text;
  const calls = answer.parts.filter((part) => part.type === "call");
  if (calls.length) {
    message.tool_calls = calls.map(({ id, name, input }) => ({ id, type: "function", function: { name, arguments: JSON.stringify(input) } }));
  }
  const choice = { index: 0, message, logprobs: null, finish_reason: FINISH[answer.finish] };
  const head = { id: "chatcmpl-fake1", object: "chat.completion", created: 1795219200, model };
  return { ...head, choices: [choice], usage: usageOf(answer.usage), service_tier: "default", system_fingerprint: "fp_fake" };
}

/** The frames of a stream. */
export function frames(answer, model, body) {
  const asked = body.stream_options?.include_usage === true;
  const head = { id: "chatcmpl-fake1", object: "chat.completion.chunk", created: 1795219200, model, service_tier: "default", system_fingerprint: "fp_fake" };
  const frame = (choices, usage = null) => `data: ${JSON.stringify({ ...head, choices, ...(asked ? { usage } : {}), obfuscation: "x7" })}\n\n`;
  const delta = (delta, finish = null) => frame([{ index: 0, delta, logprobs: null, finish_reason: finish }]);
  const out = [delta({ role: "assistant", content: "", refusal: null })];
  let index = 0;
  for (const part of answer.parts) {
    if (part.type === "thinking") out.push(...piecesOf(part.text).map((reasoning_content) => delta({ reasoning_content })));
    if (part.type === "text") out.push(...piecesOf(part.text).map((content) => delta({ content })));
    if (part.type === "call") {
      out.push(delta({ tool_calls: [{ index, id: part.id, type: "function", function: { name: part.name, arguments: "" } }] }));
      for (const fragment of fragmentsOf(part.input)) out.push(delta({ tool_calls: [{ index, function: { arguments: fragment } }] }));
      index += 1;
    }
  }
  out.push(delta({}, FINISH[answer.finish]));
  if (asked) out.push(frame([], usageOf(answer.usage)));
  out.push("data: [DONE]\n\n");
  return out;
}

export function failure(status, message) {
  const [type, code] = TYPES[status] ?? [status >= 500 ? "server_error" : "invalid_request_error", null];
  return { error: { message, type, param: null, code } };
}

export function failureFrame(message) {
  return `data: ${JSON.stringify({ error: { message, type: "server_error", param: null, code: null } })}\n\n`;
}
