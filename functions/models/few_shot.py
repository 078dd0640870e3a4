"""What examples are found by: their words, their vectors, and how far the making of vectors is."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from functions.models.dataset import DatasetExample
from functions.models.function import Function


class ExampleWords(models.Model):
    """The words of an example's input, as they are looked for; the full-text index of the database is on this table.

    Each word bears the mark of its function in front, so that a search touches the examples of one function alone.
    """

    example = models.OneToOneField(DatasetExample, models.CASCADE, primary_key=True, related_name="words")
    words = models.TextField(help_text="With a space between.")
    digest = models.CharField(max_length=32, help_text="Of the text; empty where there is none.")

    class Meta:
        verbose_name_plural = "words of examples"

    def __str__(self) -> str:
        return self.words[:80]


class ExampleVector(models.Model):
    """An example's input as an embedding model sees it."""

    example = models.OneToOneField(DatasetExample, models.CASCADE, primary_key=True, related_name="vector")
    model = models.CharField(max_length=255, help_text="provider/name")
    vector = models.BinaryField(help_text="Numbers of 32 bits; their squares come to 1.")
    digest = models.CharField(max_length=32, help_text="Of the text it was made of.")

    def __str__(self) -> str:
        return f"{self.model} of {self.example_id}"


class EmbeddingState(models.Model):
    """How the vectors of a function stand: whether some are to be made, and why that failed the last time."""

    function = models.OneToOneField(Function, models.CASCADE, primary_key=True, related_name="embedding")
    model = models.CharField(max_length=255, blank=True, help_text="provider/name, of the last time")
    # Null where nothing is to be made.
    due_at = models.DateTimeField(null=True, db_index=True)
    tries = models.SmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"vectors of {self.function}"
