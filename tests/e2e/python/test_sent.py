"""What `cargo test --test sent` saw reach the providers, held against the types of their own clients.

Run it with the packages of requirements-types.txt:

    cargo test --test sent
    python3 -m venv /tmp/types && /tmp/types/bin/pip install -r tests/e2e/python/requirements-types.txt
    /tmp/types/bin/python -m unittest tests/e2e/python/test_sent.py
"""

import importlib
import json
import pathlib
import re
import unittest

FOLDER = pathlib.Path(__file__).parents[3] / "target" / "sent"


def package(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def typed(module, name):
    """A check by a type of a package, if the package is there."""
    found = package(module)
    if found is None or package("pydantic") is None:
        return None
    import shape

    return lambda body: shape.wrong(body, getattr(found, name))


def openai_chat():
    return typed("openai.types.chat.completion_create_params", "CompletionCreateParams")


def openai_responses():
    return typed("openai.types.responses.response_create_params", "ResponseCreateParams")


def anthropic():
    return typed("anthropic.types.message_create_params", "MessageCreateParams")


def vertex_anthropic():
    check = anthropic()

    def checked(body):
        found = [] if body.get("anthropic_version") else ["body.anthropic_version: missing"]
        found += ["body.model: stands in the address"] if "model" in body else []
        return found + check({name: value for name, value in body.items() if name != "anthropic_version"} | {"model": "claude"})

    return check and checked


def cohere():
    client = package("cohere.v2.client")
    if client is None:
        return None
    import inspect
    import shape

    hints = inspect.get_annotations(client.V2Client.chat, eval_str=True)
    needed = {"model", "messages"}
    fields = {name: (kind, name in needed) for name, kind in hints.items() if name not in ("return", "request_options")}
    fields["stream"] = (bool, False)
    return lambda body: shape.of_fields(body, fields, "body", "chat")


def mistral():
    check = typed("mistralai.client.models", "ChatCompletionRequest")

    def checked(body):
        found = check(body)
        for message in body["messages"]:
            ids = [message.get("tool_call_id")] + [call["id"] for call in message.get("tool_calls") or []]
            found += [f"body.messages: the id {one!r} is not of nine letters" for one in ids if one and not (len(one) == 9 and one.isalnum())]
        return found

    return check and checked


def gemini():
    types = package("google.genai.types")
    if types is None:
        return None
    import pydantic

    kinds = {
        "contents": list[types.Content],
        "systemInstruction": types.Content,
        "tools": list[types.Tool],
        "toolConfig": types.ToolConfig,
        "generationConfig": types.GenerationConfig,
        "safetySettings": list[types.SafetySetting],
        "cachedContent": str,
        "labels": dict[str, str],
    }

    def checked(body):
        found = [f"body.{name}: not in it" for name in body if name not in kinds]
        for name, kind in kinds.items():
            if name in body:
                try:
                    pydantic.TypeAdapter(kind).validate_json(json.dumps(body[name]), by_alias=True, by_name=False)
                except pydantic.ValidationError as error:
                    found += [f"body.{name}.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        return found

    return checked


def converse():
    if package("botocore") is None:
        return None
    import base64
    import botocore.session
    import botocore.validate

    service = botocore.session.get_session().get_service_model("bedrock-runtime")
    shape = service.operation_model("Converse").input_shape

    def with_bytes(value):
        """Bytes as the client has them."""
        if isinstance(value, dict):
            return {name: base64.b64decode(one, validate=True) if name == "bytes" else with_bytes(one) for name, one in value.items()}
        return [with_bytes(one) for one in value] if isinstance(value, list) else value

    def unknown(value, shape, path):
        """botocore lets unknown fields of objects pass."""
        if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
            found = [f"{path}.{name}: not in {shape.name}" for name in value if name not in shape.members]
            return found + [words for name, one in value.items() if name in shape.members for words in unknown(one, shape.members[name], f"{path}.{name}")]
        if shape.type_name == "list":
            return [words for at, one in enumerate(value) for words in unknown(one, shape.member, f"{path}[{at}]")]
        return []

    def checked(body):
        report = botocore.validate.ParamValidator().validate(with_bytes(body) | {"modelId": "m"}, shape)
        return ([report.generate_report()] if report.has_errors() else []) + unknown(body, shape, "body")

    return checked


def groq():
    return typed("groq.types.chat.completion_create_params", "CompletionCreateParams")


# What the types do not name and the vendors take all the same, and why.
TAKEN = [
    # Under the version of the API that is asked for; the types are of the next.
    ("anthropic vertex-ai openrouter", r"body\.(temperature|top_p|top_k): not in MessageCreateParams"),
    # What the caller said in the vendor's own dialect is the vendor's to refuse.
    ("groq cerebras deepseek fireworks together perplexity sambanova ai21", r"^chat/\S+-(audio|file-pdf): "),
    # Documented, and seen in recordings.
    ("groq perplexity", r"stream_options: not in"),
    ("deepseek", r"body\.thinking: not in"),
    ("deepseek xai hugging-face openrouter", r"reasoning_content: not in"),
    ("ollama", r"\.reasoning: not in"),
    ("openrouter", r"(cache_control|extra_content): not in"),
    # The types know of schemas no more than their beginning, and of results not whose they are.
    ("perplexity", r"not in ToolFunctionParameters"),
    ("sambanova", r"tool_call_id: not in MessageToolMessage"),
]


def is_taken(provider, words):
    return any(provider in providers.split() and re.search(pattern, words) for providers, pattern in TAKEN)


CHECKS = {
    ("openai", "chat"): openai_chat,
    ("azure-openai", "chat"): openai_chat,
    ("nvidia", "chat"): openai_chat,
    ("deepseek", "chat"): openai_chat,
    ("xai", "chat"): openai_chat,
    ("ollama", "chat"): openai_chat,
    ("hugging-face", "chat"): openai_chat,
    ("openrouter", "chat"): openai_chat,
    ("workers-ai", "chat"): openai_chat,
    ("azure-foundry", "chat"): openai_chat,
    ("ai21", "chat"): openai_chat,
    ("openai", "responses"): openai_responses,
    ("azure-openai", "responses"): openai_responses,
    ("xai", "responses"): openai_responses,
    ("openrouter", "responses"): openai_responses,
    ("groq", "responses"): openai_responses,
    ("perplexity", "responses"): lambda: typed("perplexity.types.response_create_params", "ResponseCreateParams"),
    ("anthropic", "messages"): anthropic,
    ("openrouter", "messages"): anthropic,
    ("vertex-ai", "messages"): vertex_anthropic,
    ("gemini", "gemini"): gemini,
    ("vertex-ai", "gemini"): gemini,
    ("bedrock", "converse"): converse,
    ("cohere", "cohere"): cohere,
    ("mistral", "chat"): mistral,
    ("groq", "chat"): groq,
    ("together", "chat"): lambda: typed("together.types.chat.completion_create_params", "CompletionCreateParams"),
    ("fireworks", "chat"): lambda: typed("fireworks.types.chat.completion_create_params", "CompletionCreateParams"),
    ("cerebras", "chat"): lambda: typed("cerebras.cloud.sdk.types.chat.completion_create_params", "CompletionCreateParams"),
    ("sambanova", "chat"): lambda: typed("sambanova.types.chat.completion_create_params", "CompletionCreateParams"),
    ("perplexity", "chat"): lambda: typed("perplexity.types.chat.completion_create_params", "CompletionCreateParams"),
}


class Sent(unittest.TestCase):
    def setUp(self):
        if not FOLDER.is_dir():
            self.skipTest("nothing was sent yet: run `cargo test --test sent` first")

    def test_what_is_sent_is_of_the_vendors_own_types(self):
        files = sorted(FOLDER.glob("*/*.json"))
        by_vendor = {}
        for file in files:
            sent = json.loads(file.read_text())
            by_vendor.setdefault((sent["provider"], sent["dialect"]), []).append((file, sent["body"]))
        self.assertTrue(by_vendor, "the folder is empty")
        for vendor, bodies in by_vendor.items():
            check = CHECKS[vendor]() if vendor in CHECKS else None
            with self.subTest(vendor=" ".join(vendor)):
                if check is None:
                    self.skipTest(f"no types are at hand for {' '.join(vendor)}")
                found = [f"{file.parent.name}/{file.stem}: {words}" for file, body in bodies for words in check(body)]
                wrong = [words for words in found if not is_taken(vendor[0], words)]
                self.assertFalse(wrong, f"{len(wrong)} of {len(bodies)}:\n" + "\n".join(wrong[:40]))


if __name__ == "__main__":
    unittest.main()
