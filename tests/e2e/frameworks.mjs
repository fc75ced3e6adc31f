// The frameworks, each used as its documentation says and behind one face, so that a test is written once for all:
// `ask` gives { text, usage }, `stream` { text, pieces, usage }, `loop` the text after tools were called, whole or
// streamed, `object` what keeps to PERSON's schema.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { HumanMessage } from "@langchain/core/messages";
import { tool as langchainTool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { tool as llamaTool } from "@llamaindex/core/tools";
import { OpenAI as LlamaOpenAI } from "@llamaindex/openai";
import { Output, generateText, isStepCount, streamText, tool as vercelTool } from "ai";
import { z } from "zod";
import { WEATHER, weather } from "./weather.mjs";

export const KEY = "sk-caller-key";
const SYSTEM = "Be kind.";
const PERSON_SCHEMA = z.object({ name: z.string(), age: z.number() });
const CITY = z.object({ city: z.string() });
const said = [WEATHER.name, WEATHER.description];

/** { [name]: (where) => face } of a place { url, headers }. */
export const FRAMEWORKS = {
  // What was answered before comes whole, not as a reference to what OpenAI keeps: so it can be sent to anyone.
  "the Vercel AI SDK with OpenAI's responses": (where) => vercel(createOpenAI(at(where)), { openai: { store: false } }),
  "the Vercel AI SDK with OpenAI's chat": (where) => vercel(createOpenAI(at(where)).chat),
  "the Vercel AI SDK with Anthropic's messages": (where) => vercel(createAnthropic(at(where))),
  "LangChain with OpenAI's chat": (where) => langchain(where, false),
  "LangChain with OpenAI's responses": (where) => langchain(where, true),
  "LlamaIndex with OpenAI's chat": llama,
};

export const at = ({ url, headers }) => ({ baseURL: `${url}/v1`, apiKey: KEY, headers });

function vercel(models, providerOptions) {
  const tools = { [WEATHER.name]: vercelTool({ description: WEATHER.description, inputSchema: CITY, execute: async ({ city }) => weather(city) }) };
  const asked = (model) => ({ model: models(model), instructions: SYSTEM, prompt: "Hi", providerOptions, maxRetries: 0 });
  const used = ({ inputTokens, outputTokens }) => [inputTokens, outputTokens];
  return {
    async ask(model) {
      const { text, usage, finishReason } = await generateText({ ...asked(model), maxOutputTokens: 50 });
      if (finishReason !== "stop") throw new Error(`it ended with ${finishReason}`);
      return { text, usage: used(usage) };
    },
    async stream(model) {
      const failures = [];
      const result = streamText({ ...asked(model), onError: ({ error }) => failures.push(error) });
      const pieces = [];
      for await (const piece of result.textStream) pieces.push(piece);
      if (failures.length) throw failures[0];
      return { text: pieces.join(""), pieces, usage: used(await result.usage) };
    },
    async loop(model, streamed) {
      const looped = { ...asked(model), tools, stopWhen: isStepCount(3) };
      if (!streamed) return (await generateText(looped)).text;
      return streamText(looped).text;
    },
    async object(model) {
      return (await generateText({ ...asked(model), output: Output.object({ schema: PERSON_SCHEMA }) })).output;
    },
  };
}

function langchain({ url, headers }, useResponsesApi) {
  const chat = (model, more) =>
    new ChatOpenAI({ model, apiKey: KEY, useResponsesApi, maxRetries: 0, ...more, configuration: { baseURL: `${url}/v1`, defaultHeaders: headers } });
  const asked = [["system", SYSTEM], ["human", "Hi"]];
  const used = ({ usage_metadata }) => [usage_metadata?.input_tokens, usage_metadata?.output_tokens];
  const look = langchainTool(async ({ city }) => weather(city), { name: said[0], description: said[1], schema: CITY });
  const joined = async (stream) => {
    const pieces = [];
    let whole;
    for await (const piece of stream) {
      pieces.push(piece.text);
      whole = whole ? whole.concat(piece) : piece;
    }
    return { pieces: pieces.filter(Boolean), whole };
  };
  return {
    async ask(model) {
      const answer = await chat(model, { maxTokens: 50, temperature: 0.5 }).invoke(asked);
      return { text: answer.text, usage: used(answer) };
    },
    async stream(model) {
      const { pieces, whole } = await joined(await chat(model).stream(asked));
      return { text: pieces.join(""), pieces, usage: used(whole) };
    },
    async loop(model, streamed) {
      const bound = chat(model).bindTools([look]);
      const get = async (messages) => (streamed ? (await joined(await bound.stream(messages))).whole : bound.invoke(messages));
      const first = await get([new HumanMessage("Hi")]);
      const results = await Promise.all(first.tool_calls.map((call) => look.invoke(call)));
      return (await get([new HumanMessage("Hi"), first, ...results])).text;
    },
    object: (model) => chat(model).withStructuredOutput(PERSON_SCHEMA, { name: "person", method: "jsonSchema" }).invoke(asked),
  };
}

function llama({ url, headers }) {
  const llm = (model) => new LlamaOpenAI({ model, apiKey: KEY, baseURL: `${url}/v1`, maxRetries: 0, additionalSessionOptions: { defaultHeaders: headers } });
  const messages = [{ role: "system", content: SYSTEM }, { role: "user", content: "Hi" }];
  const used = ({ raw }) => [raw.usage?.prompt_tokens, raw.usage?.completion_tokens];
  const tools = [llamaTool({ name: said[0], description: said[1], parameters: CITY, execute: ({ city }) => weather(city) })];
  return {
    async ask(model) {
      const answer = await llm(model).chat({ messages });
      return { text: answer.message.content, usage: used(answer) };
    },
    async stream(model) {
      const additionalChatOptions = { stream_options: { include_usage: true } };
      const pieces = [];
      let last;
      for await (const chunk of await llm(model).chat({ messages, stream: true, additionalChatOptions })) {
        if (chunk.delta) pieces.push(chunk.delta);
        last = chunk;
      }
      return { text: pieces.join(""), pieces, usage: used(last) };
    },
    async loop(model, streamed) {
      const talk = [...messages];
      for (let turns = 0; turns < 3; turns += 1) {
        const { content, calls } = await (streamed ? streamedTurn : wholeTurn)(await llm(model).chat({ messages: talk, tools, stream: streamed }));
        if (calls.length === 0) return content;
        talk.push({ role: "assistant", content, options: { toolCall: calls } });
        for (const { id, name, input } of calls) {
          const result = await tools[0].call(typeof input === "string" ? JSON.parse(input) : input);
          talk.push({ role: "user", content: result, options: { toolResult: { id, name, result, isError: false } } });
        }
      }
      throw new Error("it called tools again and again");
    },
    async object(model) {
      const answer = await llm(model).chat({ messages, responseFormat: PERSON_SCHEMA });
      return JSON.parse(answer.message.content);
    },
  };
}

function wholeTurn({ message }) {
  return { content: message.content, calls: message.options?.toolCall ?? [] };
}

/** A call grows from piece to piece; the last one has it all. */
async function streamedTurn(stream) {
  let content = "";
  const calls = new Map();
  for await (const { delta, options } of stream) {
    content += delta;
    for (const call of options?.toolCall ?? []) calls.set(call.id, call);
  }
  return { content, calls: [...calls.values()] };
}
