// The fake provider's OpenAI side for POST /v1/responses.

import { fragmentsOf, piecesOf, wordsOf } from "./answers.mjs";
import { pictured } from "./pictures.mjs";

const KNOWN = new Set(
  ("background context_management conversation include input instructions max_output_tokens max_tool_calls metadata model " +
    "parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_retention reasoning safety_identifier " +
    "service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p truncation user").split(" "),
);

export const path = "/v1/responses";
export { failure } from "./openai.mjs";

/** Why the real API would refuse the request: a status and words, or nothing. */
export function complaint({ headers, body }) {
  if (!/^Bearer \S+$/.test(headers.authorization ?? "")) return [401, "You didn't provide an API key."];
  const unknown = Object.keys(body).find((key) => !KNOWN.has(key));
  if (unknown) return [400, `Unknown parameter: '${unknown}'.`];
  if (typeof body.model !== "string") return [400, "Missing required parameter: 'model'."];
  const badTool = body.tools?.find((tool) => tool.type === "function" && !/^[a-zA-Z0-9_-]{1,64}$/.test(tool.name));
  if (badTool) return [400, "Invalid 'tools[0].name'"];
  const items = itemsOf(body);
  const called = new Set(items.filter((item) => item.type === "function_call").map((item) => item.call_id));
  const orphan = items.find((item) => item.type === "function_call_output" && !called.delete(item.call_id));
  if (orphan) return [400, `No tool call found for function call output with call_id ${orphan.call_id}.`];
  return called.size ? [400, `No tool output found for function call ${[...called][0]}.`] : undefined;
}

function itemsOf(body) {
  return typeof body.input === "string" ? [{ role: "user", content: body.input }] : body.input;
}

/** What of a request decides the answer. */
export function look(body) {
  const items = itemsOf(body);
  const parts = (content) => (typeof content === "string" ? [{ type: "input_text", text: content }] : (content ?? []));
  const text = (content) => parts(content).map((part) => part.text ?? "").join("");
  const since = items.findLastIndex((item) => item.role === "assistant" || item.type === "function_call");
  return {
    words: wordsOf(body.model),
    lastText: text(items.findLast((item) => item.role === "user")?.content),
    results: items.slice(since + 1).filter((item) => item.type === "function_call_output").map((item) => text(item.output)),
    images: items.flatMap((item) => parts(item.content)).filter((part) => part.type === "input_image").map((part) => pictured(part.image_url)),
    schema: body.text?.format?.type === "json_schema" ? body.text.format.schema : undefined,
  };
}

function usageOf({ input, output, cached = 0, reasoning = 0 }) {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}

function itemOf(part, at, refused) {
  if (part.type === "thinking") return { id: `rs_fake${at}`, type: "reasoning", summary: [{ type: "summary_text", text: part.text }] };
  if (part.type === "call") {
    return { id: `fc_fake${at}`, type: "function_call", status: "completed", call_id: part.id, name: part.name, arguments: JSON.stringify(part.input) };
  }
  const content = refused ? { type: "refusal", refusal: part.text } : { type: "output_text", text: part.text, annotations: [], logprobs: [] };
  return { id: `msg_fake${at}`, type: "message", status: "completed", role: "assistant", content: [content] };
}

export function json(answer, model, body = {}) {
  const short = answer.finish === "length";
  return {
    id: "resp_fake1",
    object: "response",
    created_at: 1795219200,
    status: short ? "incomplete" : "completed",
    background: false,
    error: null,
    incomplete_details: short ? { reason: "max_output_tokens" } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model,
    output: answer.parts.map((part, at) => itemOf(part, at, answer.finish === "refusal")),
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: null },
    store: true,
    temperature: 1,
    text: body.text ?? { format: { type: "text" } },
    tool_choice: "auto",
    tools: body.tools ?? [],
    top_p: 1,
    truncation: "disabled",
    usage: usageOf(answer.usage),
    metadata: {},
  };
}

/** The frames of a stream. */
export function frames(answer, model, body) {
  let number = 0;
  const out = [];
  const event = (type, more) => out.push(`event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: number++, ...more })}\n\n`);
  const whole = json(answer, model, body);
  const begun = { ...whole, status: "in_progress", incomplete_details: null, output: [], usage: null };
  event("response.created", { response: begun });
  event("response.in_progress", { response: begun });
  for (const [output_index, item] of whole.output.entries()) {
    const place = { output_index, item_id: item.id };
    const empty = { message: { content: [], status: "in_progress" }, reasoning: { summary: [] }, function_call: { arguments: "", status: "in_progress" } };
    event("response.output_item.added", { output_index, item: { ...item, ...empty[item.type] } });
    if (item.type === "message") contentEvents(event, place, item.content[0]);
    if (item.type === "reasoning") summaryEvents(event, place, item.summary[0]);
    if (item.type === "function_call") {
      for (const delta of fragmentsOf(JSON.parse(item.arguments))) event("response.function_call_arguments.delta", { ...place, delta, obfuscation: "x7" });
      event("response.function_call_arguments.done", { ...place, arguments: item.arguments });
    }
    event("response.output_item.done", { output_index, item });
  }
  event(`response.${whole.status}`, { response: whole });
  return out;
}

function contentEvents(event, place, part) {
  const at = { ...place, content_index: 0 };
  const refused = part.type === "refusal";
  const [kind, field] = refused ? ["response.refusal", "refusal"] : ["response.output_text", "text"];
  const logprobs = refused ? {} : { logprobs: [] };
  event("response.content_part.added", { ...at, part: { ...part, [field]: "" } });
  for (const delta of piecesOf(part[field])) event(`${kind}.delta`, { ...at, delta, ...logprobs, obfuscation: "x7" });
  event(`${kind}.done`, { ...at, [field]: part[field], ...logprobs });
  event("response.content_part.done", { ...at, part });
}

function summaryEvents(event, place, part) {
  const at = { ...place, summary_index: 0 };
  event("response.reasoning_summary_part.added", { ...at, part: { ...part, text: "" } });
  for (const delta of piecesOf(part.text)) event("response.reasoning_summary_text.delta", { ...at, delta });
  event("response.reasoning_summary_text.done", { ...at, text: part.text });
  event("response.reasoning_summary_part.done", { ...at, part });
}

export function failureFrame(message) {
  return `event: error\ndata: ${JSON.stringify({ type: "error", sequence_number: 99, code: "server_error", message, param: null })}\n\n`;
}
