"""The first call, ready to run, in four ways of writing it, and what the page before the first trace shows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from opperweb.accounts.models import ApiKey, Project

LANGUAGES = {"python": "Python", "node": "Node", "curl": "curl", "http": "HTTP"}

PYTHON = """\
# pip install opperai==1.7.2
from opperai import Opper

opper = Opper(
    server_url="{address}/v2",
    http_bearer="{key}",{python_note}
)

response = opper.call(
    name="mini_kb_query",
    instructions="Given the list of facts, answer the question.",
    input={{
        "facts": [
            "Jupiter is the largest planet in the Solar System.",
            "The Great Red Spot is a giant storm on Jupiter.",
        ],
        "question": "Which planet hosts the Great Red Spot?",
    }},
)
print(response.message)
"""

NODE = """\
// npm install opperai@3
import {{ Opper }} from "opperai";

const opper = new Opper({{
  serverURL: "{address}/v2",
  httpBearer: "{key}",{node_note}
}});

const response = await opper.call({{
  name: "mini_kb_query",
  instructions: "Given the list of facts, answer the question.",
  input: {{
    facts: [
      "Jupiter is the largest planet in the Solar System.",
      "The Great Red Spot is a giant storm on Jupiter.",
    ],
    question: "Which planet hosts the Great Red Spot?",
  }},
}});
console.log(response.message);
"""

CURL = """\
curl {address}/v2/call \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{body}'
"""

HTTP = """\
POST {path}/v2/call HTTP/1.1
Host: {host}
Authorization: Bearer {key}
Content-Type: application/json
Content-Length: {length}

{body}
"""

BODY = json.dumps(
    {
        "name": "mini_kb_query",
        "instructions": "Given the list of facts, answer the question.",
        "input": {
            "facts": [
                "Jupiter is the largest planet in the Solar System.",
                "The Great Red Spot is a giant storm on Jupiter.",
            ],
            "question": "Which planet hosts the Great Red Spot?",
        },
    },
    indent=2,
)
TEMPLATES = {"python": PYTHON, "node": NODE, "curl": CURL, "http": HTTP}


def snippet(language: str, address: str, key_text: str, *, is_whole: bool = False) -> str:
    """Return the first call for this server; a key that is not whole is marked as the reader's own."""
    parts = urlsplit(address)
    return TEMPLATES[language].format(
        address=address,
        host=parts.netloc,
        path=parts.path,
        key=key_text,
        body=BODY,
        length=len(BODY.encode()),
        python_note="" if is_whole else "  # your key",
        node_note="" if is_whole else " // your key",
    )


COMMENTS = {"python": r"#[^\n]*", "node": r"//[^\n]*", "curl": r"(?!)", "http": r"(?!)"}
WORDS = {
    "python": r"\b(?:from|import|print)\b",
    "node": r"\b(?:import|from|const|new|await)\b",
    "curl": r"\bcurl\b",
    "http": r"\bPOST\b",
}
STRING = r'"[^"\n]*"'


def highlighted(text: str, language: str) -> list[tuple[str, str]]:
    """Split code into (class, text): c for comments, s for strings, k for words of the language, "" for the rest."""
    pattern = re.compile(f"(?P<s>{STRING})|(?P<c>{COMMENTS[language]})|(?P<k>{WORDS[language]})")
    parts: list[tuple[str, str]] = []
    end = 0
    for found in pattern.finditer(text):
        parts += [("", text[end : found.start()]), (found.lastgroup or "", found.group())]
        end = found.end()
    return [part for part in [*parts, ("", text[end:])] if part[1]]


@dataclass(frozen=True)
class Step:
    """A line beside the first call. `state` is done, now or ""."""

    title: str
    text: str
    state: str = ""


def first_run(request: HttpRequest, project: Project, *, key: ApiKey | None = None, secret: str = "") -> dict[str, Any]:
    """Return what traces/first_run.html shows; the secret is known only in the answer that makes the key."""
    key = key or project.api_keys.filter(revoked_at=None).order_by("created_at", "pk").first()
    language = request.POST.get("snippet") or request.GET.get("snippet") or ""
    language = language if language in LANGUAGES else "python"
    address = f"{request.scheme}://{request.get_host()}"
    text = snippet(language, address, secret or (key.masked if key else "op-…"), is_whole=bool(secret))
    return {
        "address": address,
        "key": key,
        "secret": secret,
        "language": language,
        "languages": LANGUAGES.items(),
        "code": highlighted(text, language),
        "steps": _steps(project, key),
    }


def _steps(project: Project, key: ApiKey | None) -> list[Step]:
    return [
        Step(_("Project made"), project.name, "done"),
        Step(_("Key made"), key.masked, "done") if key else Step(_("Make a key"), _("None yet")),
        Step(_("Model chosen"), settings.DEFAULT_MODEL, "done"),
        Step(_("First completion"), _("Waiting"), "now"),
        Step(_("Read its trace"), _("What was sent, and what came back")),
    ]
