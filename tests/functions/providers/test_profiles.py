"""Each server of OpenAI's dialect is asked in its own way; one that nobody knows gets nothing unusual."""

from typing import Any

import pytest

from functions.providers.chat import ChatReply, ChatRequest, Message
from functions.providers.errors import BadReply
from functions.providers.openai import OpenAI
from functions.providers.profiles import profile_for
from opperweb import json

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
ADDRESSES = {
    "openai": "https://api.openai.com/v1",
    "azure": "https://acme.openai.azure.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "groq": "https://api.groq.com/openai/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "ollama": "http://127.0.0.1:11434/v1",
    "ollama cloud": "https://ollama.com/v1",
    "vllm": "http://gpu-1:8000/v1",
    "llama.cpp": "http://127.0.0.1:8080/v1",
    "lm studio": "http://127.0.0.1:1234/v1",
    "xai": "https://api.x.ai/v1",
    "deepseek": "https://api.deepseek.com",
    "z.ai": "https://api.z.ai/api/paas/v4",
    "qwen": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "generic": "https://llm.example.org/v1",
}


def adapter(profile: str) -> OpenAI:
    return OpenAI("one", ADDRESSES[profile], "key")


def sent(profile: str, **more: Any) -> dict[str, Any]:
    chat = {"model": "m", "messages": (Message.of_text("user", "hi"),), "is_strict": True, **more}
    return json.loads(adapter(profile).request(ChatRequest(**chat)).body)  # type: ignore[no-any-return]


@pytest.mark.parametrize("profile", ADDRESSES)
def test_the_address_tells_who_it_is(profile: str):
    assert profile_for("one", ADDRESSES[profile]).name == profile


@pytest.mark.parametrize(
    ("name", "address", "profile"),
    [
        ("ollama", "http://gpu.lan:9000/v1", "ollama"),
        ("my-vllm", "http://gpu.lan:9000/v1", "vllm"),
        ("vllm_2", "http://gpu.lan:9000/v1", "vllm"),
        ("llama.cpp", "http://gpu.lan:9000/v1", "llama.cpp"),
        ("lm-studio", "http://gpu.lan:9000/v1", "lm studio"),
        ("groq", "https://gateway.example.org/v1", "groq"),
        ("ollama", "https://api.openai.com/v1", "openai"),
        ("vllm", "http://127.0.0.1:8080/v1", "vllm"),
        ("openai", "https://gateway.example.org/v1", "openai"),
        ("openai", "http://127.0.0.1:11434/v1", "ollama"),
        ("one", "https://llm.example.org:8000/v1", "generic"),
        ("one", "https://api.openai.com.example.org/v1", "generic"),
        ("one", "https://notmistral.ai/v1", "generic"),
        ("one", "http://127.0.0.1:99999/v1", "generic"),
    ],
)
def test_the_host_tells_most_then_the_name_then_the_port(name: str, address: str, profile: str):
    assert profile_for(name, address).name == profile


@pytest.mark.parametrize("profile", ["ollama", "vllm", "llama.cpp", "lm studio"])
def test_servers_that_write_by_a_grammar_have_its_rules(profile: str):
    assert adapter(profile).dialect == "grammar"
    assert adapter("openai").dialect == adapter("generic").dialect == "openai"


def test_a_server_that_nobody_knows_gets_nothing_unusual():
    body = sent("generic", strategy="native", schema=SCHEMA, is_streamed=True, options={"seed": 1, "max_tokens": 9})
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
        "stream": True,
        "seed": 1,
        "max_tokens": 9,
    }
    function = {"name": "answer", "description": "Takes the answer.", "parameters": SCHEMA}
    assert sent("generic", strategy="tool", schema=SCHEMA) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "answer"}},
    }


def test_a_tool_takes_the_answer_where_all_is_known():
    body = sent("openai", strategy="tool", schema=SCHEMA, options={"tools": [{}], "tool_choice": "auto"})
    assert body["tools"][0]["function"]["strict"] is True
    assert len(body["tools"]) == 1
    assert body["parallel_tool_calls"] is False
    assert body["tool_choice"]["function"] == {"name": "answer"}
    assert "response_format" not in body


@pytest.mark.parametrize(
    ("profile", "choice"), [("mistral", "any"), ("lm studio", "required"), ("llama.cpp", "required")]
)
def test_the_one_tool_is_asked_for_in_each_way(profile: str, choice: str):
    assert sent(profile, strategy="tool", schema=SCHEMA)["tool_choice"] == choice


@pytest.mark.parametrize("profile", ["openai", "azure", "groq", "openrouter", "ollama", "vllm", "xai", "deepseek"])
def test_a_stream_is_asked_for_its_tokens_where_that_is_known(profile: str):
    assert sent(profile, is_streamed=True)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in sent(profile)


@pytest.mark.parametrize("profile", ["generic", "mistral", "z.ai"])
def test_others_are_not_asked(profile: str):
    assert "stream_options" not in sent(profile, is_streamed=True)


@pytest.mark.parametrize(
    ("profile", "model", "given", "known"),
    [
        ("openai", "gpt-4.1", "max_tokens", "max_completion_tokens"),
        ("azure", "gpt-4.1", "max_tokens", "max_completion_tokens"),
        ("mistral", "m", "max_completion_tokens", "max_tokens"),
        ("generic", "m", "max_completion_tokens", "max_tokens"),
        ("generic", "o3", "max_tokens", "max_completion_tokens"),
    ],
)
def test_the_limit_has_the_name_that_is_known(profile: str, model: str, given: str, known: str):
    body = sent(profile, model=model, options={given: 9})
    assert body[known] == 9
    assert given not in body


def test_a_limit_that_is_given_by_its_own_name_counts():
    assert sent("openai", options={"max_tokens": 1, "max_completion_tokens": 2})["max_completion_tokens"] == 2


def test_mistral_has_a_name_of_its_own_for_the_seed():
    chat = ChatRequest("m", (Message.of_text("user", "hi"),), options={"seed": 3, "logprobs": True})
    wire = adapter("mistral").request(chat)
    body = json.loads(wire.body)
    assert (body["random_seed"], "seed" in body, "logprobs" in body) == (3, False, False)
    assert len(wire.notes) == 2


@pytest.mark.parametrize(("model", "expected"), [("openai/gpt-oss-120b", True), ("llama-3.3-70b", False)])
def test_groq_is_strict_with_some_models_alone(model: str, expected: bool):
    form = sent("groq", model=model, strategy="native", schema=SCHEMA)["response_format"]["json_schema"]
    assert ("strict" in form) is expected


def test_a_router_is_kept_to_hosts_that_take_the_schema_and_to_one_model():
    options = {"models": ["a", "b"], "provider": {"order": ["x"]}}
    body = sent("openrouter", strategy="native", schema=SCHEMA, options=options)
    assert body["provider"] == {"require_parameters": True, "order": ["x"]}
    assert "models" not in body
    assert "provider" not in sent("openrouter")


@pytest.mark.parametrize(
    ("profile", "model", "first"),
    [
        ("openai", "gpt-4.1", "native"), ("ollama", "llama3.2:3b", "native"), ("ollama", "gpt-oss:120b-cloud", "json"),
        ("ollama cloud", "gpt-oss:120b", "json"), ("deepseek", "deepseek-chat", "json"), ("z.ai", "glm-5", "json"),
        ("qwen", "qwen3", "json"), ("generic", "m", "native"), ("openai", "gpt-image-1", "text"),
    ],
)  # fmt: skip
def test_structure_is_asked_for_in_the_best_way_first(profile: str, model: str, first: str):
    strategies = adapter(profile).strategies(model)
    assert strategies[0] == first
    assert strategies[-1] == "text"


@pytest.mark.parametrize(
    ("model", "expected"), [("grok-4-fast", False), ("grok-4-fast-non-reasoning", True), ("grok-2", True)]
)
def test_models_of_xai_that_think_take_no_penalties(model: str, expected: bool):
    body = sent("xai", model=model, options={"presence_penalty": 1, "stop": ["x"]})
    assert ("presence_penalty" in body) is ("stop" in body) is expected


@pytest.mark.parametrize(
    ("usage", "output_tokens"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5}, 12),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, 5),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 22}, 12),
    ],
)
def test_reasoning_of_xai_stands_beside_unless_the_total_denies_it(usage: dict[str, Any], output_tokens: int):
    usage = {**usage, "completion_tokens_details": {"reasoning_tokens": 7 if output_tokens == 12 else 4}}
    assert replied("xai", "a", usage=usage).usage.output_tokens == output_tokens


def test_nothing_from_deepseek_is_worth_another_try():
    with pytest.raises(BadReply) as caught:
        replied("deepseek", "")
    assert caught.value.can_retry
    assert replied("deepseek", "", finish_reason="length").finish_reason == "length"
    assert replied("openai", "").text == ""


def replied(profile: str, text: str, finish_reason: str = "stop", **more: Any) -> ChatReply:
    body = {"choices": [{"message": {"content": text}, "finish_reason": finish_reason}], **more}
    return adapter(profile).reply(200, {}, json.dumps(body).encode())


# --- Azure ----------------------------------------------------------------------------------------------------------

HOST = "https://acme.openai.azure.com"
OLD = f"{HOST}/openai/deployments/dep/chat/completions?api-version=2024-10-21"


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        (f"{HOST}/openai/v1", f"{HOST}/openai/v1/chat/completions"),
        (f"{HOST}/openai/v1/", f"{HOST}/openai/v1/chat/completions"),
        (HOST, f"{HOST}/openai/v1/chat/completions"),
        (f"{HOST}/openai", f"{HOST}/openai/v1/chat/completions"),
        (f"{HOST}/openai/v1?api-version=2024-10-21", f"{HOST}/openai/v1/chat/completions"),
        (f"{HOST}/openai/deployments/dep?api-version=2024-10-21", OLD),
        (f"{HOST}/openai?api-version=2024-10-21", OLD),
        (f"{HOST}?api-version=2024-10-21", OLD),
    ],
)
def test_both_addresses_of_azure_are_found(base_url: str, url: str):
    wire = OpenAI("mine", base_url, "key").request(ChatRequest("dep", (Message.of_text("user", "hi"),)))
    assert wire.url == url
    assert (wire.headers["api-key"], "authorization" in wire.headers) == ("key", False)


@pytest.mark.parametrize(("version", "expected"), [("2024-10-21", True), ("2024-02-01", False)])
def test_an_old_version_of_azure_is_not_asked_for_tokens(version: str, expected: bool):
    azure = OpenAI("mine", f"{HOST}/openai/deployments/dep?api-version={version}", "key")
    chat = ChatRequest("dep", (Message.of_text("user", "hi"),), is_streamed=True)
    assert ("stream_options" in json.loads(azure.request(chat).body)) is expected
