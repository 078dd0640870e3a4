"""Numbers with a sign, as differences are shown."""

from __future__ import annotations

MINUS = "\u2212"


def signed(number: float, decimals: int = 0) -> str:
    """+3.5, −0.2, 0: what is rounded to nothing has no sign."""
    text = f"{abs(number):,.{decimals}f}"
    if not float(text.replace(",", "")):
        return "0"
    return f"{MINUS if number < 0 else '+'}{text}"
