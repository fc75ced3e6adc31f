// The fake provider's Anthropic side: POST /v1/messages.

import { fragmentsOf, piecesOf, wordsOf } from "./answers.mjs";
import { digested } from "./pictures.mjs";

const KNOWN = new Set(
  ("model messages max_tokens system metadata stop_sequences stream temperature top_p top_k tools tool_choice thinking " +
    "output_config service_tier cache_control container context_management mcp_servers inference_geo").split(" "),
);
const BLOCKS = ["text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking", "search_result"];
const FINISH = { end: "end_turn", calls: "tool_use", length: "max_tokens", refusal: "refusal" };
const TYPES = {
  400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
  429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
};

export const path = "/v1/messages";

/** Why the real API would refuse the request: a status and words, or nothing. */
export function complaint({ headers, body }) {
  if (!headers["x-api-key"] && !/^Bearer \S+$/.test(headers.authorization ?? "")) return [401, "x-api-key header is required"];
  const version = headers["anthropic-version"];
  if (!["2023-06-01", "2026-10-21"].includes(version)) return [400, "anthropic-version: header is required"];
  const unknown = Object.keys(body).find((key) => !KNOWN.has(key));
  if (unknown) return [400, `${unknown}: Extra inputs are not permitted`];
  if (typeof body.model !== "string") return [400, "model: Field required"];
  if (!Number.isInteger(body.max_tokens) || body.max_tokens < 1) return [400, "max_tokens: Field required"];
  if (!Array.isArray(body.messages) || body.messages.length === 0) return [400, "messages: at least one message is required"];
  if (body.temperature != null && (version === "2026-10-21" || body.temperature > 1)) return [400, "temperature: not supported"];
  const badTool = body.tools?.find((tool) => !/^[a-zA-Z0-9_-]{1,128}$/.test(tool.name) || tool.input_schema?.type !== "object");
  if (badTool) return [400, "tools: Invalid"];
  if (body.output_config?.format && body.output_config.format.schema?.additionalProperties !== false) {
    return [400, "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"];
  }
  return messagesComplaint(body.messages);
}

function messagesComplaint(messages) {
  let open = new Set();
  if (messages[0].role !== "user") return [400, "messages: first message must use the user role"];
  for (const [at, message] of messages.entries()) {
    if (!["user", "assistant"].includes(message.role)) return [400, `messages.${at}.role: Input should be 'user' or 'assistant'`];
    const blocks = typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content;
    if (!blocks?.length) return [400, `messages.${at}.content: Field required`];
    for (const block of blocks) {
      if (!BLOCKS.includes(block.type)) return [400, `messages.${at}.content: unknown block ${block.type}`];
      if (block.type === "text" && !block.text) return [400, "messages: text content blocks must be non-empty"];
      if (block.type === "tool_result" && !open.delete(block.tool_use_id)) return [400, `messages.${at}: unexpected tool_use_id ${block.tool_use_id}`];
      if (block.type !== "tool_result" && open.size) return [400, `messages.${at}: tool_use ids without tool_result: ${[...open].join(", ")}`];
      if (block.type === "tool_use" && !(/^[a-zA-Z0-9_-]+$/.test(block.id) && typeof block.input === "object")) return [400, `messages.${at}: invalid tool_use`];
      if (block.type === "thinking" && !block.signature) return [400, `messages.${at}: thinking.signature: Field required`];
    }
    if (open.size) return [400, `messages.${at}: tool_use ids without tool_result: ${[...open].join(", ")}`];
    open = new Set(blocks.filter((block) => block.type === "tool_use").map((block) => block.id));
  }
  return open.size ? [400, `messages: tool_use ids without tool_result: ${[...open].join(", ")}`] : undefined;
}

/** What of a request decides the answer. */
export function look(body) {
  const blocks = (message) => (typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content);
  const text = (content) => (typeof content === "string" ? content : (content ?? []).map((block) => block.text ?? "").join(""));
  const last = blocks(body.messages.at(-1));
  return {
    words: wordsOf(body.model),
    lastText: text(body.messages.findLast((message) => message.role === "user")?.content),
    results: last.filter((block) => block.type === "tool_result").map((block) => text(block.content)),
    images: body.messages.flatMap(blocks).filter((block) => block.type === "image").map(({ source }) => pictured(source)),
    schema: body.output_config?.format?.schema,
  };
}

function pictured(source) {
  return source.type === "url" ? source.url : digested(source.media_type, source.data);
}

/** Input tokens do not count cached ones here. */
function usageOf({ input, output, cached = 0 }) {
  return { input_tokens: input - cached, cache_creation_input_tokens: 0, cache_read_input_tokens: cached, output_tokens: output, service_tier: "standard" };
}

function blockOf(part) {
  if (part.type === "call") return { type: "tool_use", id: part.id.replace("call", "toolu"), name: part.name, input: part.input };
  if (part.type === "thinking") return { type: "thinking", thinking: part.text, signature: part.signature };
  return { type: "text", text: part.text };
}

export function json(answer, model) {
  const head = { id: "msg_fake1", type: "message", role: "assistant", model };
  return { ...head, content: answer.parts.map(blockOf), stop_reason: FINISH[answer.finish], stop_sequence: null, usage: usageOf(answer.usage) };
}

/** The frames of a stream. */
export function frames(answer, model) {
  const frame = (type, more) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
  const message = { ...json(answer, model), content: [], stop_reason: null, usage: { ...usageOf(answer.usage), output_tokens: 1 } };
  const out = [frame("message_start", { message })];
  for (const [index, part] of answer.parts.entries()) {
    const delta = (delta) => frame("content_block_delta", { index, delta });
    const block = blockOf(part);
    const empty = { text: { text: "" }, thinking: { thinking: "", signature: "" }, tool_use: { input: {} } }[block.type];
    out.push(frame("content_block_start", { index, content_block: { ...block, ...empty } }));
    if (index === 0) out.push(frame("ping", {}));
    if (part.type === "text") out.push(...piecesOf(part.text).map((text) => delta({ type: "text_delta", text })));
    if (part.type === "call") {
      out.push(...["", ...fragmentsOf(part.input)].map((partial_json) => delta({ type: "input_json_delta", partial_json })));
    }
    if (part.type === "thinking") {
      out.push(...piecesOf(part.text).map((thinking) => delta({ type: "thinking_delta", thinking })));
      out.push(delta({ type: "signature_delta", signature: part.signature }));
    }
    out.push(frame("content_block_stop", { index }));
  }
  out.push(frame("message_delta", { delta: { stop_reason: FINISH[answer.finish], stop_sequence: null }, usage: { output_tokens: answer.usage.output } }));
  out.push(frame("message_stop", {}));
  return out;
}

export function failure(status, message) {
  return { type: "error", error: { type: TYPES[status] ?? "api_error", message }, request_id: "req_fake1" };
}

export function failureFrame(message) {
  return `event: error\ndata: ${JSON.stringify({ type: "error", error: { type: "overloaded_error", message } })}\n\n`;
}
