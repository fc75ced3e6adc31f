// What the fake provider says. The words after the colon of a model's name choose it, and how it is delivered:
// `gpt-4o:tools,bytewise`. A word may carry an argument: `status-429`, `slow-20`. `tag-x` only tells requests apart.

export const PLAIN = "Hello from the other side: héllo 👋 wörld.";
export const THOUGHT = "The user greets; a greeting is due.";
export const SIGNATURE = "c2lnbmVkIGJ5IHRoZSBmYWtlIHByb3ZpZGVy";
export const PERSON = { name: "Ada", age: 36 };

const USAGE = { input: 21, output: 9 };

/** The words of a model's name, with their arguments. */
export function wordsOf(model) {
  const text = String(model ?? "");
  const words = text.includes(":") ? text.slice(text.lastIndexOf(":") + 1).split(",") : [];
  return new Map(words.map((word) => [word.split("-", 1)[0], word.slice(word.indexOf("-") + 1)]));
}

/**
 * The answer to a look at a request ({ words, lastText, images, results, schema, forced }): its parts, how it ends
 * ("end", "calls", "length", "refusal"), what it used. `input` counts cached tokens too, `output` reasoning too.
 */
export function answerTo({ words, lastText, images, results, schema, forced }) {
  const says = (text, more = {}) => ({ parts: [{ type: "text", text }], finish: "end", usage: USAGE, ...more });
  const calls = (...calls) => ({
    parts: [
      { type: "text", text: "Let me look." },
      ...calls.map(([id, city]) => ({ type: "call", id, name: "get_weather", input: { city } })),
    ],
    finish: "calls",
    usage: USAGE,
  });
  if (words.has("tools")) return results.length ? says(`It is ${results[0]}.`) : calls(["call_paris_1", "Paris"]);
  if (words.has("parallel")) {
    return results.length ? says(results.join(" and ")) : calls(["call_paris_1", "Paris"], ["call_rome_2", "Rome"]);
  }
  if (words.has("structured") && forced) return { parts: [{ type: "call", id: "call_form_1", name: forced, input: PERSON }], finish: "calls", usage: USAGE };
  if (words.has("structured")) return says(schema ? JSON.stringify(PERSON) : "No schema came along.");
  if (words.has("images")) return says(images.join("; ") || "No image came along.");
  if (words.has("echo")) return says(lastText);
  if (words.has("long")) return says(Array.from({ length: Number(words.get("long")) || 400 }, (_, n) => `word${n}`).join(" "));
  if (words.has("length")) return says("This was going to be", { finish: "length" });
  if (words.has("refusal")) return says("I will not do that.", { finish: "refusal" });
  if (words.has("cached")) return says(PLAIN, { usage: { input: 100, output: 9, cached: 80 } });
  if (words.has("reasoning")) {
    const parts = [{ type: "thinking", text: THOUGHT, signature: SIGNATURE }, { type: "text", text: PLAIN }];
    return { parts, finish: "end", usage: { input: 21, output: 30, reasoning: 21 } };
  }
  return says(PLAIN);
}

/** A text in the pieces in which it streams: words with the space before them. */
export function piecesOf(text) {
  return text.match(/\s*\S+\s*$|\s*\S+/g) ?? [""];
}

/** The fragments in which a call's arguments stream: broken at awkward places. */
export function fragmentsOf(input) {
  const json = JSON.stringify(input);
  return [json.slice(0, 1), json.slice(1, 7), json.slice(7)];
}
