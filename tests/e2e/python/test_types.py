"""Recorded answers as callers of each dialect got them, held against the clients' own types, strictly.

`cargo test --test judged` leaves them in target/judged where there are recordings; where there are none, this is skipped.
"""

import json
import os
import typing
import unittest
from pathlib import Path

import pydantic
from anthropic.types import Message, RawMessageStreamEvent
from openai.types import Completion, CreateEmbeddingResponse, ImagesResponse, ModerationCreateResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

try:
    from google.genai.types import GenerateContentResponse
except ImportError:  # it is not among the clients that every test needs
    GenerateContentResponse = None

ANSWERS = Path(os.environ.get("JUDGED") or Path(__file__).parents[3] / "target" / "judged")

# What answers translated to OpenAI's chat have beside its types. Compatible providers' own words go through.
CHAT_EXTRAS = {"reasoning_content", "reasoning_details", "cache_write_tokens", "annotations"}
TRANSLATED = ("anthropic-", "bedrock-", "cohere-", "gemini-", "replicate-", "vertex-ai-")


# Who speaks the caller's own dialect is passed on word for word: newer and older words than the types know go through.
PASSED = {"messages": ("anthropic-", "vertex-ai-anthropic"), "gemini": ("gemini-", "vertex-ai-"), "moderations": ("openai-moderation--text-",), "responses": ("openai-", "azure-openai-", "xai-")}


def strict(model):
    return pydantic.TypeAdapter(model, config=None)


def events(text):
    """The data of each event."""
    for event in text.replace("\r\n", "\n").split("\n\n"):
        data = "\n".join(line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:"))
        if data and data != "[DONE]":
            yield data


def unknown(value, path=""):
    """Fields that the type does not have."""
    if isinstance(value, pydantic.BaseModel):
        for name in value.model_extra or {}:
            yield f"{path}.{name}"
        for name in value.model_fields_set:
            yield from unknown(getattr(value, name, None), f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for at, item in enumerate(value):
            yield from unknown(item, f"{path}[{at}]")


class TestAnswersAreOfTheClientsTypes(unittest.TestCase):
    maxDiff = None

    def check(self, dialect, whole, piece, extras=None):
        folder = ANSWERS / dialect
        if not folder.is_dir():
            self.skipTest(f"there are no answers in {folder}; run `cargo test --test judged` beside recordings")
        wrong = []
        for file in sorted(folder.iterdir()):
            if file.name.startswith(PASSED.get(dialect, ())) and not file.stem.endswith("-turned") or "n-gt-1" in file.name:
                continue
            text = file.read_text()
            model, parts = (whole, [text]) if file.suffix == ".json" else (piece, events(text))
            for part in parts:
                if self.is_none_of_these(part):
                    continue
                try:
                    value = model.validate_json(part, strict=True)
                except (pydantic.ValidationError, AttributeError, ValueError) as error:
                    # Of a union the nearest member is meant: the one with the fewest breaches.
                    first = self.nearest(error)
                    wrong.append(f"{file.name}: {first}: {part[:160]}")
                    break
                checked = extras is not None and file.name.startswith(TRANSLATED)
                more = [name for name in unknown(value) if checked and name.rsplit(".", 1)[-1] not in extras]
                if more:
                    wrong.append(f"{file.name}: not of the type: {more[0]}")
                    break
        self.assertEqual(wrong, [], f"{len(wrong)} answers are not of the type:\n" + "\n".join(wrong))

    @staticmethod
    def nearest(error):
        if not isinstance(error, pydantic.ValidationError):
            return str(error)
        members = {}
        for breach in error.errors():
            members.setdefault(breach["loc"][:1], []).append(f"{'.'.join(map(str, breach['loc']))[-120:]}: {breach['msg']}")
        return min(members.values(), key=len)[0]

    @staticmethod
    def is_none_of_these(part):
        value = json.loads(part)
        return value.get("type") == "ping" or bool(value.get("error")) and "object" not in value

    def test_chat_completions(self):
        self.check("chat", strict(ChatCompletion), strict(ChatCompletionChunk), CHAT_EXTRAS)

    def test_messages(self):
        self.check("messages", strict(Message), strict(RawMessageStreamEvent))

    def test_responses(self):
        self.check("responses", strict(Response), strict(ResponseStreamEvent))

    def test_what_is_no_conversation(self):
        types = {"embeddings": CreateEmbeddingResponse, "generations": ImagesResponse, "moderations": ModerationCreateResponse, "completions": Completion}
        for folder, whole in types.items():
            with self.subTest(folder):
                self.check(folder, strict(whole), None)

    def test_gemini(self):
        if GenerateContentResponse is None:
            self.skipTest("google-genai is not installed")
        self.check("gemini", strict(GenerateContentResponse), strict(GenerateContentResponse))


if __name__ == "__main__":
    unittest.main()
