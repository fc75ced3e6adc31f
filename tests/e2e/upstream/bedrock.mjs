// The fake provider's Amazon side: POST /model/M/converse and /model/M/converse-stream. It believes no signature that
// it has not made again.

import { createHash, createHmac } from "node:crypto";
import { crc32 } from "node:zlib";
import { fragmentsOf, piecesOf, wordsOf } from "./answers.mjs";
import { digested } from "./pictures.mjs";

const KNOWN = new Set(
  ("messages system inferenceConfig toolConfig additionalModelRequestFields additionalModelResponseFieldPaths outputConfig " +
    "guardrailConfig performanceConfig serviceTier requestMetadata promptVariables").split(" "),
);
const BLOCKS = "text image document video audio toolUse toolResult reasoningContent guardContent cachePoint citationsContent searchResult".split(" ");
const FINISH = { end: "end_turn", calls: "tool_use", length: "max_tokens", refusal: "content_filtered" };

export const streamType = "application/vnd.amazon.eventstream";
export const AWS = { region: "eu-west-3", accessKey: "AKIDFAKE", secretKey: "wJalrXUtnFEMI/FAKE", sessionToken: "session//token==" };

export function taken(pathname) {
  const [, model, verb] = pathname.match(/^\/model\/([^/]+)\/(converse|converse-stream)$/) ?? [];
  return model && { model: decodeURIComponent(model), stream: verb === "converse-stream" };
}

/** Why the real API would refuse the request: a status and words, or nothing. */
export function complaint(note) {
  const wrong = signatureComplaint(note);
  if (wrong) return [403, wrong];
  const { body } = note;
  const unknown = Object.keys(body).find((key) => !KNOWN.has(key));
  if (unknown) return [400, `Unexpected field: ${unknown}`];
  if (!body.messages?.length) return [400, "A conversation must have at least one message."];
  let open = [];
  for (const [at, { role, content }] of body.messages.entries()) {
    if (role !== ["user", "assistant"][at % 2]) return [400, `A conversation must alternate between user and assistant roles: messages.${at}`];
    if (!content?.length) return [400, `The content field at messages.${at} is empty.`];
    for (const block of content) {
      const [kind, ...more] = Object.keys(block);
      if (more.length || !BLOCKS.includes(kind)) return [400, `messages.${at}: unknown block ${Object.keys(block)}`];
      if (kind === "text" && !block.text.trim()) return [400, `messages.${at}: The text field in the ContentBlock object is blank.`];
      if (kind === "toolUse" && typeof block.toolUse.input !== "object") return [400, `messages.${at}: toolUse.input`];
      if (kind === "image" && !(block.image.format && block.image.source.bytes)) return [400, `messages.${at}: image`];
    }
    const results = content.filter((block) => block.toolResult).map((block) => block.toolResult.toolUseId);
    if (results.join() !== open.join()) return [400, `Expected toolResult blocks at messages.${at}.content for the following Ids: ${open}`];
    open = content.filter((block) => block.toolUse).map((block) => block.toolUse.toolUseId);
    if ((open.length || results.length) && !body.toolConfig?.tools?.length) return [400, "The toolConfig field must be defined when using toolUse and toolResult content blocks."];
  }
  return open.length ? [400, `toolUse without toolResult: ${open}`] : undefined;
}

/** Signature Version 4, from what came over the wire. */
function signatureComplaint({ method, path, headers, raw }) {
  const [, credential, names, signature] =
    headers.authorization?.match(/^AWS4-HMAC-SHA256 Credential=(\S+), ?SignedHeaders=(\S+), ?Signature=([0-9a-f]{64})$/) ?? [];
  if (!credential) return `Missing Authentication Token: ${headers.authorization}`;
  const [accessKey, day, region, service] = credential.split("/");
  if (accessKey !== AWS.accessKey || region !== AWS.region || service !== "bedrock") return "The security token included in the request is invalid.";
  if (headers["x-amz-security-token"] !== AWS.sessionToken) return "The security token included in the request is invalid.";
  for (const name of ["host", "x-amz-date", "x-amz-security-token"]) if (!names.split(";").includes(name)) return `${name} must be signed`;
  if (!(Math.abs(Date.parse(headers["x-amz-date"].replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z")) - Date.now()) < 300_000)) return "Signature expired";
  const sha = (text) => createHash("sha256").update(text).digest("hex");
  const hmac = (key, text) => createHmac("sha256", key).update(text).digest();
  const [pathname, query = ""] = path.split("?");
  const escaped = pathname.split("/").map(encodeURIComponent).join("/");
  const lines = names.split(";").map((name) => `${name}:${headers[name]}\n`).join("");
  const asked = [method, escaped, query, lines, names, sha(raw)].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const key = [day, region, service, "aws4_request"].reduce(hmac, `AWS4${AWS.secretKey}`);
  const right = hmac(key, ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha(asked)].join("\n")).toString("hex");
  return right === signature ? undefined : "The request signature we calculated does not match the signature you provided.";
}

/** What of a request decides the answer. */
export function look(body, model) {
  const blocks = body.messages.flatMap((message) => message.content);
  const last = body.messages.at(-1).content;
  const result = (content) => content.map((block) => block.text ?? JSON.stringify(block.json)).join("");
  const schema = body.outputConfig?.textFormat?.structure.jsonSchema.schema;
  return {
    words: wordsOf(model),
    lastText: last.map((block) => block.text ?? "").join(""),
    results: last.filter((block) => block.toolResult).map((block) => result(block.toolResult.content)),
    images: blocks.filter((block) => block.image).map(({ image }) => digested(`image/${image.format}`, image.source.bytes)),
    schema: schema && JSON.parse(schema),
  };
}

/** Input tokens do not count cached ones here. */
function usageOf({ input, output, cached = 0 }) {
  return { inputTokens: input - cached, outputTokens: output, totalTokens: input + output, ...(cached && { cacheReadInputTokens: cached, cacheWriteInputTokens: 0 }) };
}

function blockOf(part) {
  if (part.type === "call") return { toolUse: { toolUseId: part.id.replace("call", "tooluse"), name: part.name, input: part.input } };
  if (part.type === "thinking") return { reasoningContent: { reasoningText: { text: part.text, signature: part.signature } } };
  return { text: part.text };
}

export function json(answer) {
  const message = { role: "assistant", content: answer.parts.map(blockOf) };
  return { output: { message }, stopReason: FINISH[answer.finish], usage: usageOf(answer.usage), metrics: { latencyMs: 321 } };
}

/** The frames of a stream. Only a tool's call says that it starts; what was used comes when all is over. */
export function frames(answer) {
  const out = [event("messageStart", { role: "assistant" })];
  for (const [contentBlockIndex, part] of answer.parts.entries()) {
    const { toolUse } = blockOf(part);
    const delta = (delta) => out.push(event("contentBlockDelta", { contentBlockIndex, delta }));
    if (toolUse) {
      out.push(event("contentBlockStart", { contentBlockIndex, start: { toolUse: { toolUseId: toolUse.toolUseId, name: toolUse.name } } }));
      for (const input of fragmentsOf(toolUse.input)) delta({ toolUse: { input } });
    } else if (part.type === "thinking") {
      for (const text of piecesOf(part.text)) delta({ reasoningContent: { text } });
      delta({ reasoningContent: { signature: part.signature } });
    } else {
      for (const text of piecesOf(part.text)) delta({ text });
    }
    out.push(event("contentBlockStop", { contentBlockIndex }));
  }
  out.push(event("messageStop", { stopReason: FINISH[answer.finish] }));
  return [...out, event("metadata", { usage: usageOf(answer.usage), metrics: { latencyMs: 321 } })];
}

const event = (type, payload) => frame({ ":event-type": type, ":content-type": "application/json", ":message-type": "event" }, { ...payload, p: "abcdefghij" });

/** A message of an event stream: lengths, headers, a payload, and checksums of the head and of it all. */
function frame(headers, payload) {
  const text = (value, size) => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(size);
    length.writeUIntBE(bytes.length, 0, size);
    return Buffer.concat([length, bytes]);
  };
  const head = Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [text(name, 1), Buffer.from([7]), text(value, 2)]));
  const body = Buffer.from(JSON.stringify(payload));
  const out = Buffer.alloc(16 + head.length + body.length);
  out.writeUInt32BE(out.length, 0);
  out.writeUInt32BE(head.length, 4);
  out.writeUInt32BE(crc32(out.subarray(0, 8)), 8);
  head.copy(out, 12);
  body.copy(out, 12 + head.length);
  out.writeUInt32BE(crc32(out.subarray(0, -4)), out.length - 4);
  return out;
}

export function failure(status, message) {
  return { message };
}

export function failureHeaders(status) {
  return { "x-amzn-errortype": { 400: "ValidationException", 403: "AccessDeniedException", 429: "ThrottlingException" }[status] ?? "InternalServerException" };
}

export function failureFrame(message) {
  return frame({ ":exception-type": "modelStreamErrorException", ":content-type": "application/json", ":message-type": "exception" }, { message });
}
