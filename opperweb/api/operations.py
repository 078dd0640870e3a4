"""One operation of the OpenAPI document: a name of its own for each method of each address."""

from __future__ import annotations

import re

from drf_spectacular.openapi import AutoSchema


class Operation(AutoSchema):
    def get_operation_id(self) -> str:
        """Return such as `get_functions_by_function_id`: made of method and address, no two are the same."""
        address = self.path.removeprefix("/v2").replace("{", "by_")
        return f"{self.method}_{re.sub(r'[^0-9A-Za-z]+', '_', address).strip('_')}".lower()
