"""Model fields that both apps share."""

from typing import TYPE_CHECKING, Any

from django.db import models

from opperweb import json

if TYPE_CHECKING:
    TextField = models.TextField[Any, Any]
else:
    TextField = models.TextField


class JsonTextField(TextField):
    """Any JSON value, kept as text: the order of keys, big numbers and odd characters come back as they were sent.

    PostgreSQL's jsonb would reorder keys and refuse NUL; here the order carries meaning (the fields of a schema)
    and nothing may be lost. Not for querying inside.
    """

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value)

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        return json.dumps(self.value_from_object(obj))
