"""What a span is, from the free word its sender used for it."""

KINDS = {
    "llm": "llm",
    "generation": "llm",
    "chat": "llm",
    "completion": "llm",
    "call": "llm",
    "embedding": "embedding",
    "embeddings": "embedding",
    "retrieval": "retrieval",
    "retriever": "retrieval",
    "knowledge": "retrieval",
    "query": "retrieval",
    "rerank": "rerank",
    "reranker": "rerank",
    "tool": "tool",
    "function": "tool",
    "agent": "agent",
    "workflow": "workflow",
    "chain": "workflow",
    "memory": "memory",
    "guardrail": "guardrail",
    "evaluation": "evaluation",
    "evaluator": "evaluation",
    "prompt": "prompt",
}


def kind_of(type: str) -> str:
    """Return one of our kinds for a sender's word; `span` for any we do not know."""
    word = type.strip().lower()
    return KINDS.get(word) or KINDS.get(word.split("_")[0].split("-")[0].split(" ")[0], "span")
