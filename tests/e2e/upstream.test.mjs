// The fake provider, asked by the clients directly: what the other tests lean on.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { CALLERS } from "./callers.mjs";
import { PERSON, PLAIN } from "./upstream/answers.mjs";
import { startUpstream } from "./upstream.mjs";
import { WEATHER, weather } from "./weather.mjs";

for (const client of Object.keys(CALLERS)) {
  describe(`the fake provider and the ${client} client`, () => {
    let upstream;
    let caller;
    before(async () => {
      upstream = await startUpstream();
      caller = CALLERS[client]({ url: upstream.url });
    });
    after(() => upstream.close());
    const messages = [{ user: "Hi" }];

    test("speak whole and streamed", async () => {
      const whole = await caller.ask({ model: "m:plain", messages });
      assert.deepEqual([whole.text, whole.finish, whole.usage], [PLAIN, "end", { input: 21, output: 9, cached: 0 }]);
      for (const manner of ["plain", "bytewise", "crlf", "comments"]) {
        const streamed = await caller.stream({ model: `m:${manner}`, messages });
        assert.deepEqual([streamed.text, streamed.finish, streamed.usage], [PLAIN, "end", whole.usage], manner);
      }
    });

    test("play a tool loop", async () => {
      const first = await caller.stream({ model: "m:parallel", messages, tools: [WEATHER] });
      const results = first.calls.map((call) => [call.id, weather(call.input.city)]);
      const second = await caller.ask({ model: "m:parallel", messages: [...messages, { answer: first }, { results }], tools: [WEATHER] });
      assert.equal(second.text, "sunny in Paris and rainy in Rome");
      await assert.rejects(caller.ask({ model: "m:parallel", messages: [...messages, { answer: first }, { results: results.slice(1) }] }), { status: 400 });
    });

    test("agree on a schema", async () => {
      const schema = z.object({ name: z.string(), age: z.number() });
      const answer = await caller.ask({ model: "m:structured", messages, schema });
      assert.deepEqual(answer.parsed, PERSON);
    });

    test("fail as asked", async () => {
      await assert.rejects(caller.ask({ model: "m:status-429", messages }), (error) => error.status === 429 && error.headers.get("retry-after") === "7");
      await assert.rejects(caller.stream({ model: "m:cut-rst", messages }));
      await assert.rejects(caller.stream({ model: "m:cut-fin", messages }));
      await assert.rejects(caller.stream({ model: "m:broken", messages }), /broke down/);
    });

    test("notice a caller that leaves", async () => {
      await caller.leaveAfterFirstText({ model: "m:long,slow-5", messages });
      await upstream.left("m:long,slow-5");
    });
  });
}
