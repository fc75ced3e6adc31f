// A provider on loopback that does what a test asks of it: it speaks the wire formats of OpenAI, Anthropic, Google,
// Cohere and Amazon, refuses what the real ones refuse, keeps each request it got, and misbehaves on demand. A model's
// name says how; see upstream/answers.mjs for what it says, and below for how it delivers it.

import { once } from "node:events";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { answerTo, wordsOf } from "./upstream/answers.mjs";
import * as anthropic from "./upstream/anthropic.mjs";
import * as bedrock from "./upstream/bedrock.mjs";
import * as cohere from "./upstream/cohere.mjs";
import * as completions from "./upstream/completions.mjs";
import { errandAt } from "./upstream/errands.mjs";
import * as gemini from "./upstream/gemini.mjs";
import * as openai from "./upstream/openai.mjs";
import { passageAt } from "./upstream/passages.mjs";
import * as responses from "./upstream/responses.mjs";
import * as vertex from "./upstream/vertex.mjs";
import { until } from "./until.mjs";

const DIALECTS = [openai, anthropic, responses, completions, gemini, cohere, bedrock, vertex.GOOGLE, vertex.CLAUDE];

/**
 * Starts one. `seen` holds { method, path, headers, come, bytes, raw, body, form, model, stream, at, sent, abortedAt }
 * per request, times by performance.now(); `come` is how many bytes of the body have, `sent` what has been written of
 * the answer.
 */
export async function startUpstream({ host = "127.0.0.1" } = {}) {
  const seen = [];
  const server = createServer((request, response) => {
    const note = { method: request.method, path: request.url, headers: request.headers, at: performance.now(), come: 0, sent: "" };
    seen.push(note);
    response.on("close", () => {
      if (!response.writableFinished) note.abortedAt = performance.now();
    });
    serve(request, response, note, seen).catch(() => response.destroy());
  });
  await new Promise((resolve, reject) => server.listen(0, host, resolve).on("error", reject));
  const { port } = server.address();
  const all = (model) => seen.filter((note) => note.model === model);
  const of = (model) => all(model).at(-1);
  const upstream = {
    port,
    seen,
    all,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    /** The last request for a model, once it is there. */
    got: (model) => until(() => of(model), `a request for ${model}`),
    /** The same once the other side has broken it off. */
    left: (model) => until(() => (of(model)?.abortedAt ? of(model) : undefined), `the end of the request for ${model}`),
    /** For how long the answer to it went on after that moment. */
    wentOn: async (model, since) => (await upstream.left(model)).abortedAt - since,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
  return upstream;
}

/** A port where nobody listens. */
export async function closedPort() {
  const upstream = await startUpstream();
  await upstream.close();
  return upstream.port;
}

async function serve(request, response, note, seen) {
  const chunks = [];
  for await (const chunk of request) {
    note.come += chunk.length;
    chunks.push(chunk);
  }
  note.bytes = Buffer.concat(chunks);
  note.raw = note.bytes.toString();
  const pathname = note.path.split("?", 1)[0];
  if (pathname === "/token") return reply(response, ...vertex.tokenFor(note));
  const passage = passageAt(note.method, pathname);
  if (passage) return reply(response, ...(await passage(note)));
  if (pathname === "/v1/models") return reply(response, 200, { object: "list", data: [{ id: "fake-model", object: "model", created: 1795219200, owned_by: "fake" }] });
  const errand = errandAt(pathname);
  const [dialect, said] = errand ? [openai, errand] : dialectAt(pathname);
  if (!dialect || note.method !== "POST") return reply(response, 404, openai.failure(404, `Invalid URL (${note.method} ${note.path})`));
  try {
    note.body = JSON.parse(note.raw);
  } catch {
    return reply(response, 400, dialect.failure(400, "We could not parse the JSON body of your request."));
  }
  note.model = said.model ?? note.body.model;
  note.stream = said.stream ?? note.body.stream;
  if (errand) return reply(response, ...errand.run(note));
  const times = seen.filter((other) => other.model === note.model).length;
  const words = mannersOf(note.model, times);
  if (await misbehaves(words, dialect, note, response)) return;
  const refused = dialect.complaint(note);
  if (refused) return fail(response, dialect, ...refused);
  const answer = answerTo(dialect.look(note.body, note.model));
  if (note.stream) return stream(response, dialect, dialect.frames(answer, note.model, note.body), words, note);
  note.sent = JSON.stringify(dialect.json(answer, note.model, note.body));
  if (words.has("slow")) await sleep(Number(words.get("slow")) * 10);
  response.writeHead(200, { "content-type": "application/json", ...vendorHeaders(dialect) }).end((words.has("comments") ? "\n\n   " : "") + note.sent);
}

/** How a request is dealt with: `times-2` makes the first two for the model fare so, and later ones well. */
function mannersOf(model, times) {
  const words = wordsOf(model);
  return times > Number(words.get("times") ?? Infinity) ? new Map() : words;
}

/** Whose path it is, and what the path says already. */
function dialectAt(pathname) {
  for (const dialect of DIALECTS) {
    const said = dialect.taken ? dialect.taken(pathname) : dialect.path === pathname && {};
    if (said) return [dialect, said];
  }
  return [];
}

/** Instead of an answer. */
async function misbehaves(words, dialect, note, response) {
  if (words.has("hang")) return true;
  if (words.has("gone")) return response.socket.resetAndDestroy();
  if (words.has("mumbles")) return response.writeHead(Number(words.get("mumbles")), { "content-type": "text/event-stream" }).write(PING);
  if (words.has("empty")) return reply(response, 200, "");
  if (words.has("garbled")) return reply(response, 200, "{ this is not", "application/json");
  if (words.has("text")) return reply(response, Number(words.get("text")), "upstream connect error or disconnect/reset before headers", "text/plain");
  if (words.has("html")) return reply(response, Number(words.get("html")), "<html><head><title>Bad gateway</title></head><body><h1>502</h1></body></html>", "text/html");
  if (words.has("redirect")) {
    response.writeHead(307, { location: `http://localhost:${words.get("redirect")}${note.path}` }).end();
    return true;
  }
  if (!words.has("status")) return false;
  const status = Number(words.get("status"));
  if (words.has("wait")) response.setHeader("retry-after-ms", words.get("wait"));
  else if (words.has("after")) response.setHeader("retry-after", words.get("after"));
  else if (words.has("date")) response.setHeader("retry-after", new Date(Date.now() + Number(words.get("date")) * 1000).toUTCString());
  else if (status === 429) response.setHeader("retry-after", "7");
  return fail(response, dialect, status, `the fake provider's own words for ${status}`);
}

function fail(response, dialect, status, words) {
  for (const [name, value] of Object.entries(dialect.failureHeaders?.(status) ?? {})) response.setHeader(name, value);
  return reply(response, status, dialect.failure(status, words));
}

function reply(response, status, body, type = "application/json") {
  response.writeHead(status, { "content-type": type });
  if (body[Symbol.asyncIterator]) Readable.from(body).pipe(response);
  else response.end(typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  return true;
}

function vendorHeaders(dialect) {
  return dialect === anthropic ? { "request-id": "req_fake1" } : { "x-request-id": "req_fake1", "openai-version": "2020-10-01" };
}

const PING = ": ping\n\n";

/** Signs of life, and nothing else for ever. */
async function ping(response, first) {
  response.write(first);
  while (!response.destroyed) {
    response.write(PING);
    await sleep(20);
  }
}

/** Delivers a stream: whole, or in the manner that the words ask for. */
async function stream(response, dialect, frames, words, note) {
  response.writeHead(200, { "content-type": dialect.streamType ?? "text/event-stream; charset=utf-8", "cache-control": "no-cache", ...vendorHeaders(dialect) });
  const middle = Math.ceil(frames.length / 2);
  if (words.has("comments")) frames = frames.flatMap((frame) => [": keep-alive\n\n", frame]);
  if (words.has("garbage")) frames.splice(middle, 0, 'data: {"this is not\n\n');
  if (words.has("dressed")) frames = [frames[0], PING, dialect.failureFrame("the fake provider broke down")];
  if (words.has("pings")) return ping(response, frames[0]);
  if (words.has("broken")) frames = [...frames.slice(0, middle), dialect.failureFrame("the fake provider broke down")];
  if (words.has("cut")) frames = frames.slice(0, middle);
  if (words.has("crlf")) frames = frames.map((frame) => frame.replaceAll("\n", "\r\n"));
  const pause = Number(words.get("slow") ?? 0);
  for (const frame of frames) {
    if (response.destroyed) return;
    const bytes = Buffer.from(frame);
    const size = words.has("bytewise") ? 1 : bytes.length;
    for (let at = 0; at < bytes.length; at += size) {
      // No faster than it is read.
      if (!response.write(bytes.subarray(at, at + size))) await Promise.race([once(response, "drain"), once(response, "close")]);
      if (size === 1) await turn();
    }
    note.sent += frame;
    // Nothing more comes, and nothing ends: only a caller's leaving can end it.
    if (words.has("silent") && note.sent.includes("word9")) return;
    if (pause) await sleep(pause);
    else await turn();
  }
  // Let what was written arrive before the break.
  if (words.has("cut")) await sleep(30);
  if (words.get("cut") === "rst") response.socket?.resetAndDestroy();
  else if (words.has("cut")) response.socket?.end();
  else response.end();
}
