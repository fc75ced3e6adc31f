"""Portkey's Python client, unmodified but for its base URL, against the Worker and the fake provider that run.mjs starts."""

import itertools
import os
import time
import unittest

import openai
from portkey_ai import AsyncPortkey, Portkey, createHeaders

WORKER = os.environ["CAUSEWAY_URL"]
UPSTREAM = os.environ["UPSTREAM_URL"]
PLAIN = "Hello from the other side: héllo 👋 wörld."
MODELS = {"openai": "gpt-4o", "anthropic": "claude-sonnet-4-5"}
HI = [{"role": "user", "content": "Hi"}]
NUMBERS = itertools.count()


def model(words, provider="openai"):
    return f"{MODELS[provider]}:{words},tag-pk{next(NUMBERS)}"


def target(words, provider="openai", **more):
    """A target of a config that fares as the words say."""
    host = {"provider": provider, "api_key": "sk-target", "custom_host": f"{UPSTREAM}/v1"}
    return {**host, "override_params": {"model": model(words, provider)}, **more}


def fallback(*targets):
    return {"strategy": {"mode": "fallback"}, "targets": list(targets)}


def last_index(answer):
    return answer.get_headers()["last-used-option-index"]


class TestPortkeyClient(unittest.TestCase):
    def client(self, **options):
        client = Portkey(base_url=f"{WORKER}/v1", max_retries=0, **options)
        self.addCleanup(client.openai_client.close)
        return client

    def keyed(self, provider="openai", key="sk-caller", **options):
        return self.client(provider=provider, Authorization=key, custom_host=f"{UPSTREAM}/v1", **options)

    def ask(self, client, **more):
        return client.chat.completions.create(messages=HI, **more)

    def test_a_provider_and_its_key_are_enough(self):
        for provider in ("openai", "anthropic"):
            for key in ("sk-caller", "Bearer sk-caller"):
                answer = self.ask(self.keyed(provider, key), model=model("plain", provider), max_tokens=64)
                self.assertEqual(answer.choices[0].message.content, PLAIN)
                self.assertEqual(answer.usage.total_tokens, 30)
                self.assertEqual(answer.get_headers()["provider"], provider)

    def test_an_answer_streams(self):
        for provider in ("openai", "anthropic"):
            for words in ("plain", "bytewise", "crlf", "comments"):
                stream = self.ask(self.keyed(provider), model=model(words, provider), max_tokens=64, stream=True)
                chunks = list(stream)
                self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), PLAIN)
                self.assertEqual([c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason], ["stop"])

    def test_embeddings(self):
        answer = self.keyed().embeddings.create(model="text-embedding-3-small", input=["one", "and two"], encoding_format="float")
        self.assertEqual([item.embedding[0] for item in answer.data], [3, 7])

    def test_a_config_falls_back(self):
        client = self.client(config=fallback(target("status-503"), target("garbled"), target("plain")))
        answer = self.ask(client)
        self.assertEqual((answer.choices[0].message.content, last_index(answer)), (PLAIN, "config.targets[2]"))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in self.ask(client, stream=True) if chunk.choices)
        self.assertEqual(text, PLAIN)

    def test_a_config_balances_by_weight(self):
        for weights in ((1, 0), (0, 1)):
            targets = [target("plain", weight=weight) for weight in weights]
            client = self.client(config={"strategy": {"mode": "loadbalance"}, "targets": targets})
            for _ in range(4):
                self.assertEqual(last_index(self.ask(client)), f"config.targets[{weights.index(1)}]")

    def test_a_config_chooses_by_metadata(self):
        strategy = {"mode": "conditional", "conditions": [{"query": {"metadata.plan": {"$eq": "paid"}}, "then": "paid"}], "default": "free"}
        config = {"strategy": strategy, "targets": [target("plain", name="paid"), target("plain", name="free")]}
        self.assertEqual(last_index(self.ask(self.client(config=config, metadata={"plan": "paid"}))), "config.targets[0]")
        client = self.client(config=config)
        self.assertEqual(last_index(self.ask(client)), "config.targets[1]")
        self.assertEqual(last_index(self.ask(client.with_options(metadata={"plan": "paid"}))), "config.targets[0]")

    def test_a_config_retries(self):
        answer = self.ask(self.client(config=target("status-503,wait-1,times-2", retry={"attempts": 3})))
        self.assertEqual((answer.choices[0].message.content, answer.get_headers()["retry-attempt-count"]), (PLAIN, "2"))

    def test_a_config_caches(self):
        client = self.client(config=target("plain", cache={"mode": "simple", "max_age": 60}))
        status = lambda client: self.ask(client).get_headers()["cache-status"]
        self.assertEqual(status(client), "MISS")
        deadline = time.monotonic() + 5
        while status(client) != "HIT":
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(self.ask(client).choices[0].message.content, PLAIN)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in self.ask(client, stream=True) if chunk.choices)
        self.assertEqual(text, PLAIN)
        self.assertEqual(status(client.with_options(cache_force_refresh=True)), "REFRESH")
        self.assertEqual(status(client.with_options(cache_namespace="user-123")), "MISS")

    def test_errors_have_the_providers_status_and_words(self):
        for status in (400, 401, 429, 503):
            with self.assertRaises(Exception) as caught:
                self.ask(self.keyed(), model=model(f"status-{status}"))
            self.assertEqual(caught.exception.status_code, status)
            self.assertIn(f"own words for {status}", str(caught.exception))
        with self.assertRaisesRegex(Exception, "config.strategy.mode.*fallback"):
            self.ask(self.client(config={"strategy": {"mode": "fallbak"}, "targets": [{}]}))
        with self.assertRaises(Exception) as caught:
            self.ask(self.keyed(request_timeout=100), model=model("hang"))
        self.assertEqual(caught.exception.status_code, 408)

    def test_a_cut_stream_is_an_error(self):
        with self.assertRaises(Exception):
            list(self.ask(self.keyed(), model=model("cut-rst"), stream=True))

    def test_feedback_is_taken_one_by_one_and_in_a_list(self):
        config = {"strategy": {"mode": "quality"}, "targets": [target("plain"), target("plain")]}

        def judged(number):
            client = self.client(config=config, trace_id=f"py-{number}", Authorization="sk-caller")
            better = last_index(self.ask(client)) == "config.targets[1]"
            return {"trace_id": f"py-{number}", "value": 10 if better else -10}

        client = self.client(Authorization="sk-caller")
        for number in range(10):
            told = client.feedback.create(**judged(number), weight=1, metadata={"by": "a reader"})
            self.assertEqual((told.status, len(told.feedback_ids)), ("success", 1))
        self.assertEqual(len(client.feedback.bulk_create(feedbacks=[judged(10), judged(11)]).feedback_ids), 2)
        self.assertGreater(sum(judged(f"later-{number}")["value"] for number in range(30)), 150)
        with self.assertRaises(Exception) as caught:
            client.feedback.create(trace_id="py-1", value=11)
        self.assertEqual(caught.exception.status_code, 400)

    def test_the_headers_that_it_makes_do_for_other_clients(self):
        headers = createHeaders(config=fallback(target("status-503"), target("plain")), trace_id="t-1", metadata={"_user": "u1"})
        client = openai.OpenAI(api_key="sk-caller", base_url=f"{WORKER}/v1", default_headers=headers, max_retries=0)
        self.addCleanup(client.close)
        answer = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HI)
        self.assertEqual((answer.parse().choices[0].message.content, answer.headers["x-portkey-trace-id"]), (PLAIN, "t-1"))


class TestAsyncPortkeyClient(unittest.IsolatedAsyncioTestCase):
    async def test_a_config_falls_back_whole_and_streamed(self):
        client = AsyncPortkey(base_url=f"{WORKER}/v1", config=fallback(target("status-503"), target("plain")), trace_id="t-2")
        answer = await client.chat.completions.create(messages=HI)
        self.assertEqual((answer.choices[0].message.content, answer.get_headers()["trace-id"]), (PLAIN, "t-2"))
        text = ""
        async for chunk in await client.chat.completions.create(messages=HI, stream=True):
            text += chunk.choices[0].delta.content or "" if chunk.choices else ""
        self.assertEqual(text, PLAIN)
        await client.openai_client.close()


if __name__ == "__main__":
    unittest.main()
