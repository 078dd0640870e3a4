"""Model fields that both apps share."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
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

    # What django-stubs lets be assigned: it takes a text field for one of texts.
    _pyi_private_set_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value)

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        return json.dumps(self.value_from_object(obj))


class SecretField(TextField):
    """A secret, encrypted in the database with the first of ENCRYPTION_KEYS; any of them opens it.

    What no key opens any more reads as an empty string: whoever needs it says that the secret is missing.
    """

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        if not value:
            return value
        try:
            return _fernet().decrypt(value.encode()).decode()
        except InvalidToken:
            return ""

    def get_prep_value(self, value: Any) -> str | None:
        return value if not value else _fernet().encrypt(str(value).encode()).decode()


@lru_cache(maxsize=1)
def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
