// The fake provider's Google side: POST /v1beta/models/M:generateContent and :streamGenerateContent?alt=sse.

import { piecesOf, SIGNATURE, wordsOf } from "./answers.mjs";
import { digested } from "./pictures.mjs";

const KNOWN = new Set("contents tools toolConfig safetySettings systemInstruction generationConfig cachedContent serviceTier store labels".split(" "));
const CONFIG = new Set(
  ("stopSequences responseMimeType responseSchema responseJsonSchema responseModalities candidateCount maxOutputTokens temperature " +
    "topP topK seed presencePenalty frequencyPenalty responseLogprobs logprobs thinkingConfig mediaResolution speechConfig imageConfig").split(" "),
);
const PARTS = "text thought thoughtSignature inlineData fileData functionCall functionResponse executableCode codeExecutionResult videoMetadata partMetadata".split(" ");
const FINISH = { end: "STOP", calls: "STOP", length: "MAX_TOKENS", refusal: "SAFETY" };
const STATUS = { 400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE" };
/** What Google takes in the place of a signature that was lost. */
const SENTINELS = ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"];

export function taken(pathname) {
  const [, model, verb] = pathname.match(/^\/v1beta\/models\/([^/]+):(generateContent|streamGenerateContent)$/) ?? [];
  return model && { model: decodeURIComponent(model), stream: verb === "streamGenerateContent" };
}

/** Why the real API would refuse the request: a status and words, or nothing. */
export function complaint({ headers, path, body, stream }) {
  if (!headers["x-goog-api-key"]) return [403, "Method doesn't allow unregistered callers."];
  if (stream && !path.endsWith("?alt=sse")) return [400, `This fake streams with alt=sse alone, not with ${path}`];
  const unknown = Object.keys(body).find((key) => !KNOWN.has(key)) ?? Object.keys(body.generationConfig ?? {}).find((key) => !CONFIG.has(key));
  if (unknown) return [400, `Invalid JSON payload received. Unknown name "${unknown}": Cannot find field.`];
  if (!body.contents?.length) return [400, "contents is not specified"];
  for (const [at, { role, parts }] of body.contents.entries()) {
    if (!["user", "model"].includes(role)) return [400, `contents[${at}].role: Please use a valid role: user, model.`];
    if (!parts?.length) return [400, `contents[${at}].parts must not be empty`];
    const odd = parts.flatMap(Object.keys).find((key) => !PARTS.includes(key));
    if (odd) return [400, `contents[${at}].parts: Unknown name "${odd}"`];
    const calls = parts.filter((part) => part.functionCall);
    if (calls.some(({ functionCall }) => typeof (functionCall.args ?? {}) !== "object")) return [400, `contents[${at}]: args must be an object`];
    const proof = calls[0]?.thoughtSignature;
    if (calls.length && ![SIGNATURE, ...SENTINELS, ...SENTINELS.map(btoa)].includes(proof)) return [400, `Function call is missing a thought_signature in functionCall parts: ${proof}`];
    const results = body.contents[at + 1]?.parts.filter((part) => part.functionResponse) ?? [];
    if (results.length !== calls.length) return [400, "Please ensure that the number of function response parts is equal to the number of function call parts."];
    const stray = results.find(({ functionResponse: { name, response } }, n) => name !== calls[n].functionCall.name || typeof response !== "object");
    if (stray) return [400, "function_response.name must be the name of its call, and its response an object"];
  }
}

/** What of a request decides the answer. */
export function look(body, model) {
  const parts = body.contents.flatMap((content) => content.parts);
  const last = body.contents.findLast((content) => content.role === "user").parts;
  const result = ({ response }) => response.output ?? response.result ?? JSON.stringify(response);
  return {
    words: wordsOf(model),
    lastText: last.map((part) => part.text ?? "").join(""),
    results: body.contents.at(-1).parts.filter((part) => part.functionResponse).map((part) => result(part.functionResponse)),
    images: parts.filter((part) => part.inlineData ?? part.fileData)
      .map(({ inlineData, fileData }) => (inlineData ? digested(inlineData.mimeType, inlineData.data) : fileData.fileUri)),
    schema: body.generationConfig?.responseJsonSchema ?? body.generationConfig?.responseSchema,
  };
}

function usageOf({ input, output, cached, reasoning = 0 }) {
  return {
    promptTokenCount: input,
    candidatesTokenCount: output - reasoning,
    ...(reasoning && { thoughtsTokenCount: reasoning }),
    ...(cached && { cachedContentTokenCount: cached }),
    totalTokenCount: input + output,
    promptTokensDetails: [{ modality: "TEXT", tokenCount: input }],
  };
}

function partOf(part, first) {
  if (part.type === "thinking") return { text: part.text, thought: true };
  if (part.type === "call") return { functionCall: { name: part.name, args: part.input }, ...(first && { thoughtSignature: SIGNATURE }) };
  return { text: part.text };
}

/** Calls have no ids; the first of them alone carries the signature. */
function partsOf(answer) {
  const first = answer.parts.find((part) => part.type === "call");
  return answer.parts.map((part) => partOf(part, part === first));
}

function chunk(model, parts, usage, finishReason) {
  const content = { ...(parts.length && { parts }), role: "model" };
  return { candidates: [{ content, ...(finishReason && { finishReason }), index: 0 }], usageMetadata: usage, modelVersion: model, responseId: "fake1" };
}

export function json(answer, model) {
  return chunk(model, partsOf(answer), usageOf(answer.usage), FINISH[answer.finish]);
}

/** The frames of a stream: lines end as the real one's do, and nothing says that it is over. */
export function frames(answer, model) {
  const split = partsOf(answer).flatMap((part) => (part.text === undefined ? [part] : piecesOf(part.text).map((text) => ({ ...part, text }))));
  const early = { promptTokenCount: answer.usage.input, totalTokenCount: answer.usage.input };
  const chunks = split.map((part) => chunk(model, [part], early));
  chunks.push(chunk(model, [{ text: "" }], usageOf(answer.usage), FINISH[answer.finish]));
  return chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`);
}

export function failure(status, message) {
  const retry = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "7s" };
  return { error: { code: status, message, status: STATUS[status] ?? "UNKNOWN", ...(status === 429 && { details: [retry] }) } };
}

export function failureFrame(message) {
  return `data: ${JSON.stringify(failure(503, message))}\r\n\r\n`;
}
