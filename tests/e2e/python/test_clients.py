"""The official Python clients, unmodified, against the Worker and the fake provider that run.mjs starts."""

import hashlib
import itertools
import json
import os
import unittest
import urllib.parse
import urllib.request
from base64 import b64decode

import anthropic
import openai
from pydantic import BaseModel

WORKER = os.environ["CAUSEWAY_URL"]
UPSTREAM = os.environ["UPSTREAM_URL"]
PLAIN = "Hello from the other side: héllo 👋 wörld."
MODELS = {"openai": "gpt-4o", "anthropic": "claude-sonnet-4-5"}
HI = [{"role": "user", "content": "Hi"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
DIGEST = f"image/png {hashlib.sha256(b64decode(PIXEL)).hexdigest()}"
CAT = "https://example.com/cat.png"
NUMBERS = itertools.count()
WEATHER = {"Paris": "sunny in Paris", "Rome": "rainy in Rome"}


class Person(BaseModel):
    name: str
    age: int


def route(provider):
    return {"x-causeway-provider": provider, "x-causeway-custom-host": f"{UPSTREAM}/v1"}


def left(model):
    """Waits until the provider's work for this model was ended by whoever asked for it."""
    with urllib.request.urlopen(f"{os.environ['WATCH_URL']}/{urllib.parse.quote(model)}") as answer:
        return answer.status == 204


class OpenAIClient:
    """What every provider has to give to users of `openai`."""

    provider: str

    def setUp(self):
        self.client = openai.OpenAI(api_key="sk-caller-key", base_url=f"{WORKER}/v1", default_headers=route(self.provider), max_retries=0)
        self.addCleanup(self.client.close)

    def model(self, words):
        return f"{MODELS[self.provider]}:{words},tag-py{next(NUMBERS)}"

    def test_an_answer_comes_whole(self):
        answer = self.client.chat.completions.create(model=self.model("plain"), messages=HI)
        self.assertEqual(answer.choices[0].message.content, PLAIN)
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertEqual((answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens), (21, 9, 30))

    def test_an_answer_streams(self):
        for words in ("plain", "bytewise", "crlf", "comments"):
            options = {"include_usage": True}
            stream = self.client.chat.completions.create(model=self.model(words), messages=HI, stream=True, stream_options=options)
            chunks = list(stream)
            self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), PLAIN)
            self.assertEqual([c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason], ["stop"])
            self.assertEqual(chunks[-1].usage.total_tokens, 30)

    def test_a_tool_loop_closes(self):
        tools = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
        for words, text in (("tools", "It is sunny in Paris."), ("parallel", "sunny in Paris and rainy in Rome")):
            with self.client.chat.completions.stream(model=self.model(words), messages=HI, tools=tools) as stream:
                message = stream.get_final_completion().choices[0].message
            results = [
                {"role": "tool", "tool_call_id": call.id, "content": WEATHER[json.loads(call.function.arguments)["city"]]}
                for call in message.tool_calls
            ]
            again = [*HI, message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}), *results]
            answer = self.client.chat.completions.create(model=self.model(words), messages=again, tools=tools)
            self.assertEqual(answer.choices[0].message.content, text)

    def test_an_answer_keeps_to_a_schema(self):
        answer = self.client.chat.completions.parse(model=self.model("structured"), messages=HI, response_format=Person)
        self.assertEqual(answer.choices[0].message.parsed, Person(name="Ada", age=36))

    def test_errors_are_the_clients_own(self):
        with self.assertRaisesRegex(openai.RateLimitError, "own words for 429") as caught:
            self.client.chat.completions.create(model=self.model("status-429"), messages=HI)
        self.assertEqual(caught.exception.response.headers["retry-after"], "7")
        with self.assertRaises(openai.NotFoundError):
            self.client.chat.completions.create(model=self.model("status-404"), messages=HI, stream=True)

    def test_an_image_arrives_byte_for_byte_or_as_its_address(self):
        for url, text in ((f"data:image/png;base64,{PIXEL}", DIGEST), (CAT, CAT)):
            content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
            answer = self.client.chat.completions.create(model=self.model("images"), messages=[{"role": "user", "content": content}])
            self.assertEqual(answer.choices[0].message.content, text)

    def test_a_caller_that_cancels_ends_the_providers_work_too(self):
        streamed = self.model("long,slow-5")
        stream = self.client.chat.completions.create(model=streamed, messages=HI, stream=True)
        next(chunk for chunk in stream if chunk.choices[0].delta.content)
        stream.close()
        self.assertTrue(left(streamed))
        # That a caller closes in silence, before there is an answer, the runtime notices on Cloudflare only.
        with self.assertRaises(openai.APITimeoutError):
            self.client.chat.completions.create(model=self.model("hang"), messages=HI, timeout=0.5)

    def test_a_cut_stream_is_no_answer(self):
        # This client does not notice a clean end without `[DONE]`; then there must be no finish_reason either.
        finished = []
        for words in ("cut-fin", "cut-rst"):
            try:
                for chunk in self.client.chat.completions.create(model=self.model(words), messages=HI, stream=True):
                    finished += [choice.finish_reason for choice in chunk.choices if choice.finish_reason]
            except (openai.APIError, OSError):
                pass
            except Exception as error:  # the transport's own words for a connection that broke
                self.assertIn("Error", type(error).__name__)
        self.assertEqual(finished, [])


class AnthropicClient:
    """What every provider has to give to users of `anthropic`."""

    provider: str

    def setUp(self):
        self.client = anthropic.Anthropic(api_key="sk-caller-key", base_url=WORKER, default_headers=route(self.provider), max_retries=0)
        self.addCleanup(self.client.close)

    def model(self, words):
        return f"{MODELS[self.provider]}:{words},tag-py{next(NUMBERS)}"

    def test_an_answer_comes_whole(self):
        answer = self.client.messages.create(model=self.model("plain"), max_tokens=64, messages=HI)
        self.assertEqual(answer.content[0].text, PLAIN)
        self.assertEqual(answer.stop_reason, "end_turn")
        self.assertEqual((answer.usage.input_tokens, answer.usage.output_tokens), (21, 9))

    def test_an_answer_streams(self):
        for words in ("plain", "bytewise", "crlf", "comments"):
            with self.client.messages.stream(model=self.model(words), max_tokens=64, messages=HI) as stream:
                self.assertEqual("".join(stream.text_stream), PLAIN)
                answer = stream.get_final_message()
            self.assertEqual((answer.stop_reason, answer.usage.output_tokens), ("end_turn", 9))

    def test_a_tool_loop_closes(self):
        tools = [{"name": "get_weather", "input_schema": SCHEMA}]
        for words, text in (("tools", "It is sunny in Paris."), ("parallel", "sunny in Paris and rainy in Rome")):
            with self.client.messages.stream(model=self.model(words), max_tokens=64, messages=HI, tools=tools) as stream:
                message = stream.get_final_message()
            self.assertEqual(message.stop_reason, "tool_use")
            calls = [block for block in message.content if block.type == "tool_use"]
            results = [{"type": "tool_result", "tool_use_id": call.id, "content": WEATHER[call.input["city"]]} for call in calls]
            content = [block.model_dump(exclude_none=True, include={"type", "text", "id", "name", "input"}) for block in message.content]
            again = [*HI, {"role": "assistant", "content": content}, {"role": "user", "content": results}]
            answer = self.client.messages.create(model=self.model(words), max_tokens=64, messages=again, tools=tools)
            self.assertEqual(answer.content[0].text, text)

    def test_an_answer_keeps_to_a_schema(self):
        answer = self.client.messages.parse(model=self.model("structured"), max_tokens=64, messages=HI, output_format=Person)
        self.assertEqual(answer.parsed_output, Person(name="Ada", age=36))

    def test_errors_are_the_clients_own(self):
        with self.assertRaisesRegex(anthropic.RateLimitError, "own words for 429") as caught:
            self.client.messages.create(model=self.model("status-429"), max_tokens=64, messages=HI)
        self.assertEqual(caught.exception.response.headers["retry-after"], "7")
        with self.assertRaises(anthropic.NotFoundError):
            self.client.messages.create(model=self.model("status-404"), max_tokens=64, messages=HI, stream=True)

    def test_an_image_arrives_byte_for_byte_or_as_its_address(self):
        inline = {"type": "base64", "media_type": "image/png", "data": PIXEL}
        for source, text in ((inline, DIGEST), ({"type": "url", "url": CAT}, CAT)):
            content = [{"type": "text", "text": "What is this?"}, {"type": "image", "source": source}]
            answer = self.client.messages.create(model=self.model("images"), max_tokens=64, messages=[{"role": "user", "content": content}])
            self.assertEqual(answer.content[0].text, text)

    def test_a_caller_that_cancels_ends_the_providers_work_too(self):
        streamed = self.model("long,slow-5")
        stream = self.client.messages.create(model=streamed, max_tokens=64, messages=HI, stream=True)
        next(event for event in stream if event.type == "content_block_delta")
        stream.close()
        self.assertTrue(left(streamed))
        # That a caller closes in silence, before there is an answer, the runtime notices on Cloudflare only.
        with self.assertRaises(anthropic.APITimeoutError):
            self.client.messages.create(model=self.model("hang"), max_tokens=64, messages=HI, timeout=0.5)

    def test_a_cut_stream_is_no_answer(self):
        for words in ("cut-fin", "cut-rst"):
            stopped = []
            try:
                for event in self.client.messages.create(model=self.model(words), max_tokens=64, messages=HI, stream=True):
                    stopped += [event.type] if event.type in ("message_delta", "message_stop") else []
            except Exception as error:
                self.assertIn("Error", type(error).__name__)
            self.assertEqual(stopped, [])


class OpenAIClientWithOpenAI(OpenAIClient, unittest.TestCase):
    provider = "openai"


class OpenAIClientWithAnthropic(OpenAIClient, unittest.TestCase):
    provider = "anthropic"


class AnthropicClientWithAnthropic(AnthropicClient, unittest.TestCase):
    provider = "anthropic"


class AnthropicClientWithOpenAI(AnthropicClient, unittest.TestCase):
    provider = "openai"


if __name__ == "__main__":
    unittest.main()
