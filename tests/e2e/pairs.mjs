// Every pair of client and provider, each test once for each. A test file calls `forEachPair` once; the Worker and the
// provider live as long as the file.

import { after, before, describe } from "node:test";
import { CALLERS, route } from "./callers.mjs";
import { startUpstream } from "./upstream.mjs";
import { startWorker } from "./worker.mjs";

/** Model names as the providers have them; behaviour follows after a colon. */
export const MODELS = {
  openai: "gpt-4o",
  anthropic: "claude-sonnet-4-5",
  gemini: "gemini-3-flash-preview",
  cohere: "command-a-03-2025",
  bedrock: "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
  "vertex-ai": "gemini-3-flash-preview",
};

/** A Worker and a provider for the file; filled in before the first test. */
export function stage(variables) {
  const stage = {};
  before(async () => {
    [stage.worker, stage.upstream] = await Promise.all([startWorker(variables), startUpstream()]);
  });
  after(async () => {
    await stage.worker?.stop();
    await stage.upstream?.close();
  });
  return stage;
}

/** A model of its own for each request, so that what is seen of it is not mixed up. */
export function modelOf(provider, words) {
  return `${MODELS[provider]}:${words},tag-${(requests += 1)}`;
}
let requests = 0;

/** Calls `tests(pair)` per pair: { client, provider, same, model(words), caller(options), worker, upstream }. */
export function forEachPair(tests, providers = ["openai", "anthropic"]) {
  const scene = stage();
  for (const client of Object.keys(CALLERS)) {
    for (const provider of providers) {
      describe(`the ${client} client with the ${provider} provider`, () => {
        tests({
          client,
          provider,
          same: client === provider,
          get worker() {
            return scene.worker;
          },
          get upstream() {
            return scene.upstream;
          },
          model: (words) => modelOf(provider, words),
          caller: ({ headers, ...options } = {}) =>
            CALLERS[client]({ url: scene.worker.url, headers: { ...route(provider, scene.upstream), ...headers }, ...options }),
        });
      });
    }
  }
}
