// Configs whose targets are at the fake provider, each under a model of its own, and callers that send them.

import { closedPort } from "./upstream.mjs";
import { open, post } from "./raw.mjs";
import { modelOf } from "./pairs.mjs";

export const HI = [{ role: "user", content: "Hi" }];
/** What callers call who speak these dialects. */
export const PATHS = { chat: "/v1/chat/completions", messages: "/v1/messages" };
/** The provider that is relayed to a caller, and the one that is translated for it. */
export const PASSAGES = [
  { caller: "chat", provider: "openai", way: "relayed to a chat caller" },
  { caller: "chat", provider: "anthropic", way: "translated for a chat caller" },
  { caller: "messages", provider: "anthropic", way: "relayed to a messages caller" },
  { caller: "messages", provider: "openai", way: "translated for a messages caller" },
];

/** What makes targets and asks them, on the stage of a test file. */
export function director(scene) {
  /** A target that fares as the words say. */
  const target = (words, more = {}, provider = "openai") => ({
    provider,
    api_key: "sk-target",
    custom_host: `${scene.upstream.url}/v1`,
    override_params: { model: modelOf(provider, words) },
    ...more,
  });
  const headers = (config, more) => ({
    authorization: "Bearer sk-caller",
    "anthropic-version": "2023-06-01",
    ...(config && { "x-causeway-config": typeof config === "string" ? config : JSON.stringify(config) }),
    ...more,
  });
  const body = (caller, stream, more) => ({ model: "gpt-4o", messages: HI, stream, ...(caller === "messages" && { max_tokens: 64 }), ...more });
  return {
    target,
    /** A target where nobody listens. */
    absent: async (more) => target("plain", { custom_host: `http://127.0.0.1:${await closedPort()}/v1`, ...more }),
    modelOf: (target) => target.override_params.model,
    /** How often a target was asked. */
    asked: (target) => scene.upstream.all(target.override_params.model).length,
    fallback: (...targets) => ({ strategy: { mode: "fallback" }, targets }),
    /** Sends a request with a config; resolves with what `post` gives, and how long it took. */
    async ask(config, { caller = "chat", stream = false, headers: more, body: fields } = {}) {
      const started = performance.now();
      const answer = await post(scene.worker.url, PATHS[caller], headers(config, more), body(caller, stream, fields));
      return { ...answer, ms: performance.now() - started, told: (name) => answer.headers.get(`x-causeway-${name}`) };
    },
    /** Sends one by a caller that can leave. */
    send: (config, { caller = "chat", stream = false, headers: more, body: fields } = {}) =>
      open(scene.worker.port, PATHS[caller], headers(config, more), body(caller, stream, fields)),
  };
}

/** What a caller of either dialect makes of an answer: its text, and how it ended: "end", "error" or "open". */
export function heard({ body }) {
  if (!/^(data|event|:)/.test(body)) {
    const answer = JSON.parse(body);
    if (answer.error) return { text: "", ended: "error" };
    return { text: answer.choices?.[0].message.content ?? answer.content.map((block) => block.text).join(""), ended: "end" };
  }
  const events = body.split(/\r?\n/).filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
  const parsed = events.filter((data) => data !== "[DONE]").map((data) => JSON.parse(data));
  const text = parsed.map((event) => event.choices?.[0]?.delta.content ?? event.delta?.text ?? "").join("");
  const failed = parsed.some((event) => event.error);
  const finished = parsed.some((event) => event.choices?.[0]?.finish_reason || event.type === "message_stop");
  if (failed && finished) return { text, ended: "both" };
  return { text, ended: failed ? "error" : finished ? "end" : "open" };
}
