"""Secrets that nobody gave: made once, kept in DATA_DIR, readable by their owner alone."""

import contextlib
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet


def generated_secret(folder: Path, name: str, *, fernet: bool = False) -> str:
    """Return the secret kept in `folder/name`, made at the first asking; safe when two processes ask at once."""
    path = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    value = Fernet.generate_key().decode() if fernet else secrets.token_urlsafe(48)
    draft = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        if not path.exists():
            draft.touch(mode=0o600)
            draft.write_text(value)
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        return path.read_text().strip()
    finally:
        draft.unlink(missing_ok=True)
