// The fake provider's OpenAI side for POST /v1/completions.

import { piecesOf, wordsOf } from "./answers.mjs";

const KNOWN = new Set(
  ("model prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop stream " +
    "stream_options suffix temperature top_p user").split(" "),
);

export const path = "/v1/completions";
export { failure, failureFrame } from "./openai.mjs";

export function complaint({ headers, body }) {
  if (!/^Bearer \S+$/.test(headers.authorization ?? "")) return [401, "You didn't provide an API key."];
  const unknown = Object.keys(body).find((key) => !KNOWN.has(key));
  return unknown ? [400, `Unrecognized request argument supplied: ${unknown}`] : undefined;
}

export function look(body) {
  return { words: wordsOf(body.model), lastText: [body.prompt].flat().join(""), results: [], images: [] };
}

const usageOf = ({ input, output }) => ({ prompt_tokens: input, completion_tokens: output, total_tokens: input + output });
const headOf = (model) => ({ id: "cmpl-fake1", object: "text_completion", created: 1795219200, model });
const textOf = (answer) => answer.parts.map((part) => part.text ?? "").join("");
const choice = (text, finish) => ({ text, index: 0, logprobs: null, finish_reason: finish && { length: "length" }[finish] || (finish ? "stop" : null) });

export function json(answer, model) {
  return { ...headOf(model), choices: [choice(textOf(answer), answer.finish)], usage: usageOf(answer.usage) };
}

export function frames(answer, model, body) {
  const frame = (choices, more) => `data: ${JSON.stringify({ ...headOf(model), choices, ...more })}\n\n`;
  const out = piecesOf(textOf(answer)).map((text) => frame([choice(text, null)]));
  out.push(frame([choice("", answer.finish)]));
  if (body.stream_options?.include_usage) out.push(frame([], { usage: usageOf(answer.usage) }));
  return [...out, "data: [DONE]\n\n"];
}
