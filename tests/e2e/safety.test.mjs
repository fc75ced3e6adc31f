// What must never happen: a secret in the wrong hands, a request where it should not go.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { forEachPair, stage } from "./pairs.mjs";
import { startUpstream } from "./upstream.mjs";
import { ADMIN_TOKEN, startWorker } from "./worker.mjs";

const HI = [{ user: "Hi" }];
const BODY = JSON.stringify({ model: "m:plain", max_tokens: 5, messages: [{ role: "user", content: "Hi" }] });
const ROUTES = ["/v1/chat/completions", "/chat/completions", "/v1/messages", "/messages"];
/** The rest of what leads to a provider. */
const MORE_ROUTES = [
  "/v1/responses", "/v1/completions", "/v1/messages/count_tokens", "/v1beta/models/m:generateContent", "/v1/embeddings", "/v1/moderations",
  "/v1/images/generations", "/v1/audio/speech", "/v1/files", "/v1/batches", "/v1/proxy/openai/v1/models", "/v1/proxy/anthropic/v1/models",
];

forEachPair((pair) => {
  test("the provider sees its key and nothing that is not its own", async () => {
    const model = pair.model("plain");
    const headers = {
      "openai-organization": "org-callers",
      "openai-project": "proj-callers",
      cookie: "session=callers",
      "x-goog-api-key": "AIza-callers",
      "x-causeway-api-key": ADMIN_TOKEN,
      "x-causeway-metadata": '{"_user":"u1"}',
      "x-causeway-trace-id": "trace-callers",
      "x-portkey-virtual": "portkey-callers",
      "cf-access-jwt-assertion": "jwt-callers",
      "x-forwarded-for": "203.0.113.9",
    };
    await pair.caller({ headers }).ask({ model, messages: HI });
    const seen = (await pair.upstream.got(model)).headers;
    const shown = JSON.stringify(seen);
    const key = pair.provider === "openai" ? seen.authorization : (seen["x-api-key"] ?? seen.authorization);
    assert.match(key, /sk-caller-key$/);
    assert.equal(shown.match(/sk-caller-key/g).length, 1, "the key is sent once");
    for (const name of Object.keys(seen)) assert.doesNotMatch(name, /^x-(causeway|portkey)-/);
    for (const word of [ADMIN_TOKEN, "session=", "AIza-callers", "u1", "portkey-callers", "jwt-callers", "203.0.113.9"]) {
      assert.ok(!shown.includes(word), `${word} in ${shown}`);
    }
    assert.equal("openai-organization" in seen, pair.provider === "openai");
    assert.equal("anthropic-version" in seen, pair.provider === "anthropic");
  });

  test("the key shows in no error and in nothing that is printed", async () => {
    for (const words of ["status-401", "html-502", "gone"]) {
      const error = await pair.caller().ask({ model: pair.model(words), messages: HI }).catch((error) => error);
      assert.ok(!JSON.stringify([error.message, error.error]).includes("sk-caller-key"));
    }
    assert.ok(!pair.worker.output.text.includes("sk-caller-key"));
    assert.ok(!pair.worker.output.text.includes(ADMIN_TOKEN));
  });

  test("a redirect is not followed, so that a key goes where it was meant to and nowhere else", async () => {
    const other = await startUpstream();
    const error = await pair.caller().ask({ model: pair.model(`redirect-${other.port}`), messages: HI }).catch((error) => error);
    await other.close();
    assert.equal(error.status, 502);
    assert.equal(other.seen.length, 0);
  });
});

describe("a custom host", () => {
  const scene = { listeners: [] };
  before(async () => {
    scene.worker = await startWorker({ TRUSTED_CUSTOM_HOSTS: "trusted.example" });
    scene.listeners = await Promise.all(["127.0.0.1", "127.0.0.2", "::1"].map((host) => startUpstream({ host }).catch(() => undefined)));
    scene.listeners = scene.listeners.filter(Boolean);
  });
  after(async () => {
    await scene.worker?.stop();
    for (const listener of scene.listeners) await listener.close();
  });

  const hosts = [
    "http://127.0.0.1:PORT/v1", "http://127.0.0.2:PORT/v1", "http://localhost:PORT/v1", "http://LOCALHOST.:PORT/v1", "http://a.localhost:PORT/v1",
    "http://2130706433:PORT/v1", "http://0x7f.1:PORT/v1", "http://0177.0.0.1:PORT/v1", "http://127.1:PORT/v1", "http://0:PORT/v1", "http://0.0.0.0:PORT/v1",
    "http://[::1]:PORT/v1", "http://[::ffff:127.0.0.1]:PORT/v1", "http://[::ffff:7f00:1]:PORT/v1", "http://[::]:PORT/v1", "http://[fe80::1]/v1", "http://[fd00::1]/v1",
    "http://１２７.0.0.1:PORT/v1", "http://trusted.example@127.0.0.1:PORT/v1", "http://127.0.0.1:PORT#@trusted.example/v1", "http://127.0.0.1:PORT\\@trusted.example/v1",
    "http://10.0.0.1/v1", "http://172.16.0.1/v1", "http://192.168.1.1/v1", "http://169.254.169.254/latest/meta-data", "http://100.64.0.1/v1",
    "http://metadata.google.internal/v1", "http://db.internal/v1", "file:///etc/passwd", "ftp://example.com/v1", "gopher://127.0.0.1:PORT/", "//127.0.0.1:PORT/v1", "127.0.0.1:PORT/v1", "",
  ];
  for (const provider of ["openai", "anthropic"]) {
    test(`inside the network is refused on every route, however it is spelled (${provider})`, async () => {
      for (const { port } of scene.listeners) {
        for (const host of hosts.filter((host) => host.includes("PORT") || port === scene.listeners[0].port)) {
          for (const path of port === scene.listeners[0].port ? [...ROUTES, ...MORE_ROUTES] : ROUTES) {
            // No provider serves everything, and which comes first is its own affair.
            if (host === "" && MORE_ROUTES.includes(path)) continue;
            const custom = Buffer.from(host.replace("PORT", port)).toString("latin1");
            const answer = await fetch(scene.worker.url + path, {
              method: "POST",
              headers: { authorization: "Bearer sk-caller-key", "x-causeway-provider": provider, "x-causeway-custom-host": custom },
              body: BODY,
            });
            const text = await answer.text();
            // An empty header is none; then the provider itself is asked, which is not here.
            if (host !== "") assert.ok([400, 403].includes(answer.status), `${host} on ${path}: ${answer.status} ${text}`);
          }
        }
      }
      for (const listener of scene.listeners) assert.equal(listener.seen.length, 0);
    });
  }

  test("inside the network is refused for the list of models too", async () => {
    for (const { port } of scene.listeners) {
      const headers = { authorization: "Bearer sk-caller-key", "x-causeway-provider": "openai", "x-causeway-custom-host": `http://127.0.0.1:${port}/v1` };
      await (await fetch(`${scene.worker.url}/v1/models`, { headers })).text();
    }
    for (const listener of scene.listeners) assert.equal(listener.seen.length, 0);
  });
});

describe("a deployment that requires keys", () => {
  const scene = stage({ REQUIRE_KEY: "true", OPENAI_API_KEY: "sk-deployments-own" });

  test("serves nobody without one, whatever else is shown", async () => {
    for (const path of ROUTES) {
      for (const headers of [{}, { authorization: "Bearer sk-caller-key" }, { "x-api-key": "sk-caller-key" }, { "x-causeway-api-key": "cw-forged" }]) {
        const answer = await fetch(scene.worker.url + path, {
          method: "POST",
          headers: { "x-causeway-provider": "openai", "x-causeway-custom-host": `${scene.upstream.url}/v1`, ...headers },
          body: BODY,
        });
        assert.equal(answer.status, 401, `${path} ${JSON.stringify(headers)}`);
        assert.ok(!(await answer.text()).includes("sk-deployments-own"));
      }
    }
    assert.equal(scene.upstream.seen.length, 0);
  });
});
