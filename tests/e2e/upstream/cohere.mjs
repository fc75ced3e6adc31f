// The fake provider's Cohere side: POST /v2/chat.

import { fragmentsOf, piecesOf, wordsOf } from "./answers.mjs";
import { pictured } from "./pictures.mjs";

const KNOWN = new Set(
  ("model messages tools strict_tools documents citation_options response_format safety_mode max_tokens stop_sequences temperature " +
    "seed frequency_penalty presence_penalty k p logprobs tool_choice thinking priority stream").split(" "),
);
const FINISH = { end: "COMPLETE", calls: "TOOL_CALL", length: "MAX_TOKENS", refusal: "ERROR_TOXIC" };

export const path = "/v2/chat";

/** Why the real API would refuse the request: a status and words, or nothing. */
export function complaint({ headers, body }) {
  if (!/^Bearer \S+$/.test(headers.authorization ?? "")) return [401, "no api key supplied"];
  const unknown = Object.keys(body).find((key) => !KNOWN.has(key));
  if (unknown) return [422, `unknown field: parameter '${unknown}' is not a valid field`];
  if (!body.messages?.length) return [400, "invalid request: messages must be at least 1 message long"];
  let open = [];
  for (const [at, message] of body.messages.entries()) {
    if (!["system", "user", "assistant", "tool"].includes(message.role)) return [400, `messages[${at}]: unknown role ${message.role}`];
    if (message.role === "tool" && !open.includes(message.tool_call_id)) return [400, `messages[${at}]: tool_call_id is of no call`];
    open = message.role === "tool" ? open.filter((id) => id !== message.tool_call_id) : (message.tool_calls ?? []).map((call) => call.id);
    const badCall = message.tool_calls?.find((call) => call.type !== "function" || typeof call.function.arguments !== "string");
    if (badCall) return [400, `messages[${at}].tool_calls`];
  }
  return open.length ? [400, `tool calls without results: ${open.join(", ")}`] : undefined;
}

/** What of a request decides the answer. */
export function look(body) {
  const parts = (content) => (typeof content === "string" ? [{ type: "text", text: content }] : (content ?? []));
  const text = (content) => parts(content).map((part) => part.text ?? part.document?.data ?? "").join("");
  const since = body.messages.findLastIndex((message) => message.role === "assistant");
  return {
    words: wordsOf(body.model),
    lastText: text(body.messages.findLast((message) => message.role === "user")?.content),
    results: body.messages.slice(since + 1).filter((message) => message.role === "tool").map((message) => text(message.content)),
    images: body.messages.flatMap((message) => parts(message.content)).filter((part) => part.type === "image_url").map((part) => pictured(part.image_url.url)),
    schema: body.response_format?.json_schema,
  };
}

/** Counts are floats, and those of the bill are others. */
function usageOf({ input, output, cached = 0 }) {
  return { billed_units: { input_tokens: input - 5, output_tokens: output - 1 }, tokens: { input_tokens: input, output_tokens: output }, cached_tokens: cached };
}

const callOf = ({ id, name, input }) => ({ id, type: "function", function: { name, arguments: JSON.stringify(input) } });

/** What is said before calls is their plan. */
function saysOf(answer) {
  const calls = answer.parts.filter((part) => part.type === "call");
  const said = answer.parts.filter((part) => part.type !== "call");
  return calls.length ? { plan: said.map((part) => part.text).join(""), calls, content: [] } : { calls, content: said };
}

export function json(answer) {
  const { plan, calls, content } = saysOf(answer);
  const block = ({ type, text }) => ({ type, [type]: text });
  const message = { role: "assistant", ...(plan && { tool_plan: plan, tool_calls: calls.map(callOf) }), ...(content.length && { content: content.map(block) }) };
  return { id: "c1d2e3f4-fake", message, finish_reason: FINISH[answer.finish], usage: usageOf(answer.usage) };
}

/** The frames of a stream. */
export function frames(answer) {
  const { plan, calls, content } = saysOf(answer);
  const out = [];
  const event = (type, more) => out.push(`event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`);
  const message = (message) => ({ delta: { message } });
  event("message-start", { id: "c1d2e3f4-fake", ...message({ role: "assistant", content: [], tool_plan: "", tool_calls: [], citations: [] }) });
  if (plan) for (const tool_plan of piecesOf(plan)) event("tool-plan-delta", message({ tool_plan }));
  for (const [index, { type, text }] of content.entries()) {
    event("content-start", { index, ...message({ content: { type, [type]: "" } }) });
    for (const piece of piecesOf(text)) event("content-delta", { index, ...message({ content: { [type]: piece } }) });
    event("content-end", { index });
  }
  for (const [index, call] of calls.entries()) {
    const { id, type, function: { name } } = callOf(call);
    event("tool-call-start", { index, ...message({ tool_calls: { id, type, function: { name, arguments: "" } } }) });
    for (const piece of fragmentsOf(call.input)) event("tool-call-delta", { index, ...message({ tool_calls: { function: { arguments: piece } } }) });
    event("tool-call-end", { index });
  }
  event("message-end", { delta: { finish_reason: FINISH[answer.finish], usage: usageOf(answer.usage) } });
  return [...out, "data: [DONE]\n\n"];
}

export function failure(status, message) {
  return { id: "fake-error", message };
}

export function failureFrame(message) {
  return `event: message-end\ndata: ${JSON.stringify({ type: "message-end", delta: { error: message, finish_reason: "ERROR" } })}\n\n`;
}
