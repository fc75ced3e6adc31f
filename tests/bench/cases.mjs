// What is asked, of whom, and what a right answer looks like.

const PATH = "/v1/chat/completions";

/** Who answers. `worker` is the process that does; a gateway is told its provider. `recorded` keeps the record of each request. */
export const CONTESTANTS = {
  direct: {},
  bare: { worker: "bare" },
  parse: { worker: "parse" },
  floor: { worker: "floor" },
  relay: { worker: "causeway", provider: "openai" },
  recorded: { worker: "recording", provider: "openai" },
  translate: { worker: "causeway", provider: "anthropic" },
  cache: { worker: "causeway", provider: "openai" },
  // The relay without what the case adds to it.
  plain: { worker: "causeway", provider: "openai", plain: true },
};

/** What they are asked for; a case is a contestant and one of these: relay_json. */
export const ASKED = {
  json: { body: body({}), by: ["direct", "bare", "parse", "floor", "relay", "recorded", "translate"] },
  stream: { body: body({ stream: true, stream_options: { include_usage: true } }), by: ["direct", "bare", "floor", "relay", "recorded", "translate"] },
  // Whoever does not ask for the usage gets none, though the gateway needs it for itself.
  stream_plain: { body: body({ stream: true }), by: ["bare", "relay"] },
  stream_paced: { body: body({ model: "paced", stream: true, stream_options: { include_usage: true } }), by: ["bare", "floor", "relay", "recorded", "translate"] },
  // Through a saved config of two targets, of which the first answers.
  config: { body: body({}), config: "two-targets", by: ["bare", "plain", "relay"] },
  // The same again and again, answered from KV.
  hit: { body: body({}), config: '{"cache":{"max_age":86400}}', cached: true, by: ["bare", "plain", "cache"] },
  // With a caller's key that has limits and a budget: `key`, once it is made.
  keyed: { body: body({}), key: undefined, by: ["bare", "plain", "relay"] },
  "100kb": { body: body({}, 100 << 10), by: ["bare", "parse", "floor", "relay"] },
};

/** The most that each may take, as CPU per request over the bare Worker's. */
export const TARGETS = { relay_json: 1.5, relay_stream: 1.15, relay_100kb: 1.3, translate_json: 1.8, translate_stream: 2.2 };

/** And over the plain relay's. */
export const ADDED = { relay_config: 1.2, cache_hit: 1, relay_keyed: 2 };

export function request(contestant, asked, upstream) {
  const { provider, plain } = CONTESTANTS[contestant];
  const headers = ["authorization: Bearer sk-test", "content-type: application/json"];
  if (provider) headers.push(`x-causeway-provider: ${provider}`, `x-causeway-custom-host: http://127.0.0.1:${upstream}/v1`);
  const { config, key } = plain ? {} : ASKED[asked];
  if (provider && key) headers.push(`x-causeway-api-key: ${key}`);
  if (provider && config) headers.push(`x-causeway-config: ${config}`);
  return { path: PATH, headers, body: ASKED[asked].body };
}

/** Asks once and throws where the answer is not what a caller would expect: a fast wrong answer is no result. */
export async function check(contestant, asked, port, upstream) {
  const { path, headers, body } = request(contestant, asked, upstream);
  const ask = () => fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", headers: headers.map(field), body });
  let answer = await ask();
  let text = await answer.text();
  if (contestant === "cache") [answer, text] = await again(ask);
  try {
    if (answer.status !== 200) throw new Error(`status ${answer.status}`);
    if (JSON.parse(body).stream) checkStream(text, JSON.parse(body).stream_options?.include_usage ?? false);
    else checkWhole(JSON.parse(text));
  } catch (error) {
    throw new Error(`${contestant}_${asked} is answered wrongly: ${error.message}\n${text.slice(0, 2000)}`);
  }
}

/** The answer that was kept, as soon as it is. */
async function again(ask) {
  for (let tries = 0; tries < 20; tries++) {
    const answer = await ask();
    const text = await answer.text();
    if (answer.headers.get("x-causeway-cache") === "HIT") return [answer, text];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("what was answered is not answered again from the cache");
}

function field(line) {
  const colon = line.indexOf(": ");
  return [line.slice(0, colon), line.slice(colon + 2)];
}

function checkWhole(answer) {
  if (answer.object !== "chat.completion") throw new Error(`object ${answer.object}`);
  if (!answer.choices[0].message.content.startsWith("A causeway is")) throw new Error("another text");
  if (answer.usage.total_tokens !== 176) throw new Error("another usage");
}

function checkStream(text, usage) {
  const events = text.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim());
  if (events.pop() !== "[DONE]") throw new Error("no [DONE] at its end");
  const chunks = events.map((event) => JSON.parse(event));
  const words = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
  if (!words.startsWith("A causeway is") || words.split(" ").length < 40) throw new Error(`another text: ${words}`);
  if (chunks.some((chunk) => chunk.usage) !== usage) throw new Error(usage ? "no usage" : "a usage that nobody asked for");
}

function body(options, length = 0) {
  const system = "You answer in plain words, briefly, and say so when you do not know.";
  const content = "What is a causeway, and what makes one good? " + "The road went on over the marsh, and the tide was out. ".repeat(length / 55);
  return JSON.stringify({
    model: "gpt-4o",
    messages: [
      { role: "system", content: system },
      { role: "user", content },
    ],
    temperature: 0.7,
    max_tokens: 256,
    ...options,
  });
}
