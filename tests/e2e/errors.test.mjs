// What goes wrong reaches the caller as its own client's errors, and says what it is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MODELS, forEachPair } from "./pairs.mjs";
import { closedPort } from "./upstream.mjs";

const HI = [{ user: "Hi" }];
const NAMES = { 400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError", 429: "RateLimitError", 500: "InternalServerError", 529: "InternalServerError" };

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("it should have failed");
}

/** The error's body is in the shape that this client's users know. */
function assertShape(client, error) {
  if (client === "anthropic") {
    assert.equal(error.error.type, "error");
    assert.equal(typeof error.error.error.type, "string");
    assert.equal(typeof error.error.error.message, "string");
  } else {
    assert.equal(typeof error.error.message, "string");
    assert.equal(typeof error.error.type, "string");
    assert.ok(error.code === null || typeof error.code === "string");
  }
}

forEachPair((pair) => {
  for (const status of [400, 401, 403, 404, 429, 500, 529]) {
    test(`the provider's ${status} keeps its status and its words, also for a stream`, async () => {
      for (const way of ["ask", "stream"]) {
        const error = await failure(pair.caller()[way]({ model: pair.model(`status-${status}`), messages: HI }));
        assert.equal(error.status, status, String(error));
        assert.equal(error.constructor.name, status === 529 && pair.client === "anthropic" ? "OverloadedError" : NAMES[status]);
        assert.match(error.message, new RegExp(`the fake provider's own words for ${status}`));
        assertShape(pair.client, error);
        assert.equal(error.headers.get("retry-after"), status === 429 ? "7" : null);
      }
    });
  }

  test("plain text and HTML become errors of the client's own shape", async () => {
    const plain = await failure(pair.caller().ask({ model: pair.model("text-503"), messages: HI }));
    assert.equal(plain.status, 503);
    assert.match(plain.message, /upstream connect error/);
    assertShape(pair.client, plain);
    const html = await failure(pair.caller().stream({ model: pair.model("html-502"), messages: HI }));
    assert.equal(html.status, 502);
    assert.doesNotMatch(html.message, /<\/?[a-z]/);
    assertShape(pair.client, html);
  });

  test("a provider that is not there, or breaks off before it answers, is 502", async () => {
    const headers = { "x-causeway-custom-host": `http://127.0.0.1:${await closedPort()}/v1` };
    const absent = await failure(pair.caller({ headers }).ask({ model: pair.model("plain"), messages: HI }));
    assert.equal(absent.status, 502);
    assertShape(pair.client, absent);
    const gone = await failure(pair.caller().stream({ model: pair.model("gone"), messages: HI }));
    assert.equal(gone.status, 502);
  });

  test("an answer that is no JSON is 502, when it has to be read", async () => {
    const error = await failure(pair.caller().ask({ model: pair.model("garbled"), messages: HI }));
    if (!pair.same) assert.equal(error.status, 502);
    else assert.ok(error);
  });

  test("a provider that does not answer in the request's time is 504, or 408 for Portkey's callers", async () => {
    const model = pair.model("hang");
    const error = await failure(pair.caller({ headers: { "x-causeway-request-timeout": "150" } }).ask({ model, messages: HI }));
    assert.equal(error.status, 504);
    assertShape(pair.client, error);
    await pair.upstream.left(model);
    const portkey = await failure(pair.caller({ headers: { "x-portkey-request-timeout": "150" } }).ask({ model: pair.model("hang"), messages: HI }));
    assert.equal(portkey.status, 408);
  });

  test("an error inside a stream is shown as one", async () => {
    const model = pair.model("broken");
    const error = await failure(pair.caller().stream({ model, messages: HI }));
    assert.match(error.message, /the fake provider broke down/);
    assert.equal((await pair.worker.record(model)).outcome, "failed");
  });

  for (const cut of ["fin", "rst"]) {
    test(`a stream that the provider cut (${cut}) is an error and no answer`, async () => {
      const model = pair.model(`cut-${cut}`);
      await failure(pair.caller().stream({ model, messages: HI }));
      const record = await pair.worker.record(model);
      assert.equal(record.outcome, "failed");
      assert.ok(record.usage.output > 0);
    });
  }

  test("garbage between a stream's events breaks nothing silently", async () => {
    const outcome = await pair.caller().stream({ model: pair.model("garbage"), messages: HI }).then((answer) => answer.text, (error) => error);
    assert.ok(outcome instanceof Error || outcome.startsWith("Hello"), String(outcome));
    await pair.caller().ask({ model: pair.model("plain"), messages: HI });
  });
}, Object.keys(MODELS));
