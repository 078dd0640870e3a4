"""The shape of models, custom models and aliases in the API (contract section 8)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from functions.model_names import MOST_MODELS
from functions.models import Alias, CustomModel
from functions.offers import Offer
from opperweb.api.fields import Body, Name, Object, Text


class ModelAnswer(serializers.Serializer[Any]):
    """A model as a call names it; costs in US dollars for one token, null where no price is known."""

    hosting_provider = serializers.CharField()
    name = serializers.CharField()
    location = serializers.CharField(help_text="The host it is asked at.")
    input_cost_per_token = serializers.FloatField(allow_null=True)
    output_cost_per_token = serializers.FloatField(allow_null=True)


class CustomModelFields(Body):
    """A name of one's own for a model, with its own address (`extra.api_base`) and secret where it needs them."""

    name = Name()
    identifier = Name(help_text="provider/name, such as openai/gpt-4o.")
    provider = Name(required=False, help_text="Where the identifier does not begin with it.")
    extra = Object(required=False, help_text="api_base, api_version.")
    api_key = Text(required=False, max_length=10_000, help_text="Write only.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        provider = attrs.pop("provider", "")
        if provider and "/" not in attrs.get("identifier", "/"):
            attrs["identifier"] = f"{provider}/{attrs['identifier']}"
        return attrs


class CustomModelChanges(CustomModelFields):
    name = Name(required=False)
    identifier = Name(required=False)


class CustomModelAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    identifier = serializers.CharField()
    extra = serializers.DictField()


class AliasFields(Body):
    """One name for several models; a call tries them in this order."""

    name = Name()
    fallback_models = serializers.ListField(child=Name(), min_length=1, max_length=MOST_MODELS)
    description = Text(required=False, max_length=1000)


class AliasChanges(AliasFields):
    name = Name(required=False)
    fallback_models = serializers.ListField(child=Name(), min_length=1, max_length=MOST_MODELS, required=False)


class AliasAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    fallback_models = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField(allow_null=True)


def about_offer(offer: Offer) -> dict[str, Any]:
    figures = offer.price.figures if offer.price is not None else {}
    input_usd, output_usd = figures.get("input"), figures.get("output")
    return {
        "hosting_provider": offer.provider,
        "name": offer.name,
        "location": offer.location,
        # Decimals first: 0.15 / 1,000,000 in binary is a little more than 1.5e-07.
        "input_cost_per_token": None if input_usd is None else float(input_usd / 1_000_000),
        "output_cost_per_token": None if output_usd is None else float(output_usd / 1_000_000),
    }


def about_custom(custom: CustomModel) -> dict[str, Any]:
    return {"id": str(custom.pk), "name": custom.name, "identifier": custom.identifier, "extra": custom.extra}


def about_alias(alias: Alias) -> dict[str, Any]:
    return {
        "id": str(alias.pk),
        "name": alias.name,
        "fallback_models": alias.fallback_models,
        "description": alias.description or None,
    }
