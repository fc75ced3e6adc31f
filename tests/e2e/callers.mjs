// The two official clients behind one face, so that a test is written once for every pair of client and provider. A
// request is { model, messages, tools?, schema?, maxTokens?, signal? }; its messages are { user, image? },
// { answer } (an answer got before) and { results: [[id, text]] }. An answer is { text, thought, calls, finish, usage, raw }.

import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { AWS } from "./upstream/bedrock.mjs";
import { accountAt } from "./upstream/vertex.mjs";

export const CALLERS = { openai: openaiCaller, anthropic: anthropicCaller };

/** What names the provider, where it is, and who asks where a key in the usual place does not say it. */
export function route(provider, upstream) {
  const base = ["openai", "anthropic"].includes(provider) ? `${upstream.url}/v1` : upstream.url;
  const { region, accessKey, secretKey, sessionToken } = AWS;
  const aws = { region, "access-key-id": accessKey, "secret-access-key": secretKey, "session-token": sessionToken };
  const vertex = { "vertex-service-account-json": JSON.stringify(accountAt(upstream.url)) };
  const own = { bedrock: prefixed("aws-", aws), "vertex-ai": vertex }[provider];
  const named = { provider, "custom-host": base, ...own };
  return prefixed("x-causeway-", named);
}

function prefixed(prefix, fields) {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [prefix + name, value]));
}

function openaiCaller({ url, headers = {}, key = "sk-caller-key", ...options }) {
  const client = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, defaultHeaders: headers, maxRetries: 0, timeout: 20_000, ...options });
  const body = ({ model, messages, tools, schema, maxTokens }) => ({
    model,
    messages: messages.flatMap(openaiMessages),
    ...(tools && { tools: tools.map(({ name, description, schema }) => ({ type: "function", function: { name, description, parameters: schema } })) }),
    ...(schema && { response_format: zodResponseFormat(schema, "answer") }),
    ...(maxTokens && { max_completion_tokens: maxTokens }),
  });
  return {
    client,
    ask: async ({ signal, ...request }) => openaiAnswer(await client.chat.completions[request.schema ? "parse" : "create"](body(request), { signal })),
    async stream({ signal, usage = true, ...request }) {
      const chunks = [];
      const stream = client.chat.completions.stream({ ...body(request), ...(usage && { stream_options: { include_usage: true } }) }, { signal });
      stream.on("chunk", (chunk) => chunks.push(chunk));
      return { ...openaiAnswer(await stream.finalChatCompletion()), chunks };
    },
    /** The first piece of text, and then the caller leaves. */
    async leaveAfterFirstText(request) {
      const stream = await client.chat.completions.create({ ...body(request), stream: true });
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    },
  };
}

function openaiMessages(message) {
  if (message.answer) return [message.answer.raw.choices[0].message];
  if (message.results) return message.results.map(([tool_call_id, content]) => ({ role: "tool", tool_call_id, content }));
  if (!message.image) return [{ role: "user", content: message.user }];
  const url = message.image.url ?? `data:${message.image.type};base64,${message.image.data}`;
  return [{ role: "user", content: [{ type: "text", text: message.user }, { type: "image_url", image_url: { url } }] }];
}

function openaiAnswer(raw) {
  const [{ message, finish_reason }] = raw.choices;
  const finish = { stop: "end", tool_calls: "calls", length: "length", content_filter: "refusal" }[finish_reason];
  return {
    raw,
    finish,
    text: message.content ?? "",
    thought: message.reasoning_content ?? "",
    parsed: message.parsed,
    calls: (message.tool_calls ?? []).map((call) => ({ id: call.id, name: call.function.name, input: JSON.parse(call.function.arguments) })),
    usage: raw.usage && {
      input: raw.usage.prompt_tokens,
      output: raw.usage.completion_tokens,
      cached: raw.usage.prompt_tokens_details?.cached_tokens ?? 0,
    },
  };
}

function anthropicCaller({ url, headers = {}, key = "sk-caller-key", ...options }) {
  const client = new Anthropic({ apiKey: key, baseURL: url, defaultHeaders: headers, maxRetries: 0, timeout: 20_000, ...options });
  const body = ({ model, messages, tools, schema, maxTokens = 1024 }) => ({
    model,
    max_tokens: maxTokens,
    messages: messages.map(anthropicMessage),
    ...(tools && { tools: tools.map(({ name, description, schema }) => ({ name, description, input_schema: schema })) }),
    ...(schema && { output_config: { format: zodOutputFormat(schema) } }),
  });
  return {
    client,
    ask: async ({ signal, ...request }) => anthropicAnswer(await client.messages[request.schema ? "parse" : "create"](body(request), { signal })),
    async stream({ signal, usage, ...request }) {
      const chunks = [];
      const stream = client.messages.stream(body(request), { signal });
      stream.on("streamEvent", (event) => chunks.push(event));
      return { ...anthropicAnswer(await stream.finalMessage()), chunks };
    },
    async leaveAfterFirstText(request) {
      const stream = await client.messages.create({ ...body(request), stream: true });
      for await (const event of stream) if (event.delta?.text) break;
    },
  };
}

function anthropicMessage(message) {
  if (message.answer) return { role: "assistant", content: message.answer.raw.content };
  if (message.results) return { role: "user", content: message.results.map(([tool_use_id, content]) => ({ type: "tool_result", tool_use_id, content })) };
  if (!message.image) return { role: "user", content: message.user };
  const { url, type, data } = message.image;
  const source = url ? { type: "url", url } : { type: "base64", media_type: type, data };
  return { role: "user", content: [{ type: "text", text: message.user }, { type: "image", source }] };
}

function anthropicAnswer(raw) {
  const all = (type, field) => raw.content.filter((block) => block.type === type).map((block) => block[field]).join("");
  const finish = { end_turn: "end", tool_use: "calls", max_tokens: "length", refusal: "refusal" }[raw.stop_reason];
  const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens } = raw.usage;
  return {
    raw,
    finish,
    text: all("text", "text"),
    thought: all("thinking", "thinking"),
    parsed: raw.parsed_output,
    calls: raw.content.filter((block) => block.type === "tool_use").map(({ id, name, input }) => ({ id, name, input })),
    usage: { input: input_tokens + (cache_read_input_tokens ?? 0) + (cache_creation_input_tokens ?? 0), output: output_tokens, cached: cache_read_input_tokens ?? 0 },
  };
}
