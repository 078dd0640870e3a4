"""The sample function that sorts a shop's messages into queues, and one that nobody has called yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAME = "sample_sort_ticket"
DESCRIPTION = "Puts a customer's message into one of four queues. A sample, with made-up calls."
MODEL = "openai/gpt-4.1-nano"
FIRST = {
    "instructions": "Read the customer's message. Choose the queue that can help, and say if it cannot wait.",
    "input_schema": {
        "title": "Message",
        "type": "object",
        "properties": {"message": {"type": "string", "description": "What the customer wrote"}},
        "required": ["message"],
    },
    "output_schema": {
        "title": "Sorted",
        "type": "object",
        "properties": {
            "queue": {"type": "string", "enum": ["billing", "delivery", "technical", "other"]},
            "is_urgent": {"type": "boolean", "description": "Whether it must be read within the hour"},
            "summary": {"type": "string", "description": "One short sentence", "maxLength": 120},
        },
        "required": ["queue", "is_urgent", "summary"],
    },
    "model": MODEL,
    "configuration": {},
}
NOTE = "Created by first call"
DAYS_AGO = 10.0


@dataclass(frozen=True)
class Ticket:
    """A message, the queue that it belongs to, and one that a model might choose in its place."""

    message: str
    queue: str
    other: str
    summary: str
    is_urgent: bool = False

    @property
    def input(self) -> dict[str, Any]:
        return {"message": self.message}

    def output(self, *, is_right: bool = True) -> dict[str, Any]:
        queue = self.queue if is_right else self.other
        return {"queue": queue, "is_urgent": self.is_urgent, "summary": self.summary}

    def observations(self, *, is_right: bool) -> str:
        """Return what a judge says of the answer."""
        if is_right:
            return f"{self.queue} is the queue that can help here."
        return f"queue is {self.other}, but {self.queue} is the one that can help."


TICKETS = (
    Ticket("I was charged twice for my order of Monday.", "billing", "delivery", "Charged twice for one order."),
    Ticket("The parcel says delivered, but there is nothing at my door.", "delivery", "other", "Parcel is missing."),
    Ticket("Since this morning nobody in our office can log in!", "technical", "other", "Nobody can log in.", True),
    Ticket("Do you have a shop in Ghent?", "other", "delivery", "Asks for a shop in Ghent."),
    Ticket("Please send the invoice to our new address.", "billing", "delivery", "Invoice to another address."),
    Ticket("The app closes when I open my basket.", "technical", "other", "App closes at the basket."),
    Ticket("My flowers come on Saturday, the funeral is on Friday.", "delivery", "other", "Delivery too late.", True),
)
EXAMPLES = (TICKETS[4], TICKETS[6])

UNUSED_NAME = "sample_summarise_release"
UNUSED_DESCRIPTION = "Turns a list of changes into release notes. A sample that nobody has called yet."
UNUSED: dict[str, Any] = {
    "instructions": "Write release notes of at most five sentences from the list of changes. Name what breaks first.",
    "input_schema": {
        "title": "Changes",
        "type": "object",
        "properties": {"changes": {"type": "array", "items": {"type": "string"}, "description": "One change each"}},
        "required": ["changes"],
    },
    "output_schema": {
        "title": "ReleaseNotes",
        "type": "object",
        "properties": {
            "notes": {"type": "string", "description": "At most five sentences"},
            "breaks": {"type": "boolean", "description": "Whether users have to change anything"},
        },
        "required": ["notes", "breaks"],
    },
    # Whatever the server's default is, so that it can be tried at once.
    "model": None,
    "configuration": {},
}
