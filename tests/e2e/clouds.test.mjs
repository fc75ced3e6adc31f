// Providers that want more than a key: Amazon, each of whose requests is signed and whose streams are frames with
// checksums, and Google's cloud, where a service account is given a token. The fake ones verify all of it themselves.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { CALLERS, route } from "./callers.mjs";
import { forEachPair, modelOf, stage } from "./pairs.mjs";
import { PLAIN } from "./upstream/answers.mjs";
import { AWS } from "./upstream/bedrock.mjs";
import { PIXEL, digested } from "./upstream/pictures.mjs";
import { accountAt } from "./upstream/vertex.mjs";
import { WEATHER, weather } from "./weather.mjs";

const HI = [{ user: "Hi" }];
const asked = { maxTokens: 50, messages: HI };
const claude = (words) => `claude-sonnet-4-5@20250929:${words},tag-${performance.now()}`;

forEachPair((pair) => {
  const models = { bedrock: { Claude: pair.model }, "vertex-ai": { Gemini: pair.model, Claude: claude } }[pair.provider];
  for (const [maker, model] of Object.entries(models)) {
    for (const way of ["ask", "stream"]) {
      test(`${maker} answers with its ending and its usage (${way})`, async () => {
        const asking = model("plain");
        const answer = await pair.caller()[way]({ ...asked, model: asking });
        assert.deepEqual([answer.text, answer.finish, answer.usage], [PLAIN, "end", { input: 21, output: 9, cached: 0 }]);
        const { provider, outcome, usage } = await pair.worker.record(asking);
        assert.deepEqual([provider, outcome, usage.input, usage.output], [pair.provider, "complete", 21, 9]);
      });

      test(`${maker} calls tools and uses their results (${way})`, async () => {
        const asking = model("parallel");
        const first = await pair.caller()[way]({ ...asked, model: asking, tools: [WEATHER] });
        const results = first.calls.map(({ id, input }) => [id, weather(input.city)]);
        const messages = [...HI, { answer: first }, { results }];
        const second = await pair.caller()[way]({ ...asked, model: asking, tools: [WEATHER], messages });
        assert.equal(second.text, "sunny in Paris and rainy in Rome");
      });
    }

    test(`${maker} sees an image byte for byte`, async () => {
      const answer = await pair.caller().ask({ ...asked, model: model("images"), messages: [{ user: "What is this?", image: PIXEL }] });
      assert.equal(answer.text, digested(PIXEL.type, PIXEL.data));
    });

    test(`${maker} refuses in its own words`, async () => {
      for (const status of [400, 403, 429, 500]) {
        const error = await pair.caller().ask({ ...asked, model: model(`status-${status}`) }).then(assert.fail, (error) => error);
        assert.equal(error.status, status);
        assert.match(error.message, new RegExp(`the fake provider's own words for ${status}`));
      }
    });

    test(`${maker}'s stream reads the same byte by byte, and never looks finished when it is not`, async () => {
      assert.equal((await pair.caller().stream({ ...asked, model: model("bytewise") })).text, PLAIN);
      for (const how of ["cut-fin", "cut-rst", "broken", ...(pair.provider === "bedrock" ? ["garbage"] : [])]) {
        await assert.rejects(pair.caller().stream({ ...asked, model: model(how) }), how);
      }
    });
  }
}, ["bedrock", "vertex-ai"]);

describe("with what the deployment has", () => {
  const variables = { AWS_REGION: AWS.region, AWS_ACCESS_KEY_ID: AWS.accessKey, AWS_SECRET_ACCESS_KEY: AWS.secretKey, AWS_SESSION_TOKEN: AWS.sessionToken };
  const scene = stage(variables);
  const openai = (headers) => {
    const brought = { authorization: null, "x-causeway-custom-host": scene.upstream.url, ...headers };
    return new OpenAI({ apiKey: "unused", baseURL: `${scene.worker.url}/v1`, defaultHeaders: brought, maxRetries: 0, timeout: 10_000 });
  };
  const ask = (client, model) => client.chat.completions.create({ model, messages: [{ role: "user", content: "Hi" }] });

  test("requests are signed with its secret, which is not sent", async () => {
    const model = modelOf("bedrock", "plain");
    const answer = await ask(openai(), `bedrock/${model}`);
    assert.equal(answer.choices[0].message.content, PLAIN);
    const { headers } = await scene.upstream.got(model);
    assert.match(headers.authorization, /^AWS4-HMAC-SHA256 Credential=AKIDFAKE\//);
    assert.ok(!JSON.stringify(headers).includes(AWS.secretKey));
  });

  test("the provider's own API is reached with a signature too", async () => {
    const response = await fetch(`${scene.worker.url}/v1/proxy/bedrock/model/${encodeURIComponent(modelOf("bedrock", "plain"))}/converse`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-causeway-custom-host": scene.upstream.url },
      body: JSON.stringify({ messages: [{ role: "user", content: [{ text: "héllo" }] }] }),
    });
    assert.equal(response.status, 200);
    assert.equal((await response.json()).output.message.content[0].text, PLAIN);
  });

  test("another's secret signs nothing that holds", async () => {
    const own = { "x-causeway-aws-access-key-id": AWS.accessKey, "x-causeway-aws-secret-access-key": "another", "x-causeway-aws-session-token": AWS.sessionToken };
    const error = await ask(openai(own), `bedrock/${modelOf("bedrock", "plain")}`).then(assert.fail, (error) => error);
    assert.equal(error.status, 403);
    assert.match(error.message, /signature we calculated does not match/);
  });
});

describe("a service account of Google's", () => {
  const scene = stage();
  const talk = (account, model = modelOf("vertex-ai", "plain"), more = {}) => {
    const headers = { ...route("vertex-ai", scene.upstream), "x-causeway-vertex-service-account-json": JSON.stringify(account), ...more };
    return CALLERS.openai({ url: scene.worker.url, headers }).ask({ ...asked, model });
  };
  const tokens = () => scene.upstream.seen.filter((note) => note.path === "/token");

  test("is given one token for many requests, and shows its key to nobody", async () => {
    const account = accountAt(scene.upstream.url);
    for (const place of ["us-central1", "europe-west4", "global"]) {
      const model = modelOf("vertex-ai", "plain");
      assert.equal((await talk(account, model, { "x-causeway-vertex-region": place })).text, PLAIN);
      const { path, headers } = await scene.upstream.got(model);
      assert.equal(decodeURIComponent(path), `/v1/projects/fake-project/locations/${place}/publishers/google/models/${model}:generateContent`);
      assert.match(headers.authorization, /^Bearer ya29\.fake-\d+$/);
    }
    assert.equal(tokens().length, 1);
    assert.ok(!JSON.stringify(scene.upstream.seen).includes("PRIVATE KEY"));
  });

  test("gets no other's token", async () => {
    await talk(accountAt(scene.upstream.url, "second@fake-project.iam.gserviceaccount.com"));
    assert.equal(tokens().length, 2);
  });

  test("that Google does not know is refused in Google's words", async () => {
    const error = await talk(accountAt(scene.upstream.url, "who@elsewhere.example")).then(assert.fail, (error) => error);
    assert.ok([400, 401, 403].includes(error.status), String(error.status));
    assert.match(error.message, /Invalid claims: who@elsewhere/);
  });

  test("whose key is none is refused before anyone is asked", async () => {
    const before = scene.upstream.seen.length;
    for (const private_key of ["none", "-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n"]) {
      const error = await talk({ ...accountAt(scene.upstream.url), private_key }).then(assert.fail, (error) => error);
      assert.equal(error.status, 400);
      assert.match(error.message, /The service account cannot be used/);
    }
    assert.equal(scene.upstream.seen.length, before);
  });
});
