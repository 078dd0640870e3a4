"""Numbers, times and sizes in the words people read: pure functions that are also the template library `display`.

What is missing is a dash and never 0; a unit stands behind a narrow no-break space.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias

from django import template
from django.utils import timezone
from django.utils.formats import date_format

register = template.Library()

NARROW: Final = "\u202f"
MISSING: Final = "–"

Number: TypeAlias = int | float | Decimal


@register.filter
def duration(milliseconds: Number | None, decimals: int = 1) -> str:
    """30 ms, 0.92 s, 14.6 s, 2 min 4 s, 3 h 5 min."""
    if milliseconds is None:
        return MISSING
    if milliseconds < 1:
        return f"0{NARROW}ms" if milliseconds <= 0 else f"<1{NARROW}ms"
    if milliseconds < 99.5:
        return f"{milliseconds:.0f}{NARROW}ms"
    seconds = float(milliseconds) / 1000
    if seconds < 9.995:
        return f"{seconds:.2f}{NARROW}s"
    if seconds < 59.95:
        return f"{seconds:.{decimals}f}{NARROW}s"
    return _long_duration(round(seconds))


def _long_duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}{NARROW}min {seconds}{NARROW}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}{NARROW}h {minutes}{NARROW}min"


@register.filter
def duration_exact(milliseconds: Number | None) -> str:
    """As `duration`, with two decimals up to a minute: 14.62 s."""
    return duration(milliseconds, 2)


@register.filter
def cost(usd: Number | None, decimals: int = 4) -> str:
    """$0.0112, <$0.0001, $18.42 from a dollar on."""
    if usd is None:
        return MISSING
    amount = Decimal(str(usd))
    if amount == 0:
        return "$0"
    least = Decimal(1).scaleb(-decimals)
    if 0 < amount < least:
        return f"<${least}"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.{decimals}f}"


@register.filter
def cost_exact(usd: Number | None) -> str:
    """Five decimals, as in the inspector."""
    return cost(usd, 5)


@register.filter
def cost_receipt(usd: Number | None) -> str:
    """Seven decimals, as in a receipt."""
    return cost(usd, 7)


@register.filter
def price(usd: Number | None) -> str:
    """A price of a million tokens: $0.10, $0.075."""
    if usd is None:
        return MISSING
    amount = Decimal(str(usd)).normalize()
    return f"${amount:,.2f}" if amount == amount.quantize(Decimal("0.01")) else f"${amount:,f}"


@register.filter
def count(number: int | None) -> str:
    """12,480."""
    return MISSING if number is None else f"{number:,}"


@register.filter
def tokens(number: int | None) -> str:
    """Exact to 99,999, then 182k, then 41.2 M."""
    if number is None:
        return MISSING
    return f"{number:,}" if number < 100_000 else _rounded(number)


@register.filter
def tokens_short(number: int | None) -> str:
    """320, 9.6k, 182k, 41.2 M; an empty text where there are none."""
    if number is None:
        return ""
    if number < 1000:
        return str(number)
    return f"{number / 1000:.1f}k" if number < 99_950 else _rounded(number)


def _rounded(number: int) -> str:
    if number < 999_500:
        return f"{number / 1000:.0f}k"
    return f"{number / 1_000_000:,.1f}{NARROW}M"


@register.filter
def share(part: Number, whole: Number) -> str:
    """1.8 % of a whole."""
    return f"{float(part) / float(whole):.1%}".replace("%", f"{NARROW}%") if whole else MISSING


@register.filter
def size(octets: int | None) -> str:
    """412 B, 1.1 kB, 3.4 MB."""
    if octets is None:
        return MISSING
    if octets < 1000:
        return f"{octets}{NARROW}B"
    return f"{octets / 1000:.1f}{NARROW}kB" if octets < 999_950 else f"{octets / 1_000_000:.1f}{NARROW}MB"


@register.filter
def when(moment: datetime, now: datetime | None = None) -> str:
    """Relative under an hour, else the time of today, else the date."""
    now = now or timezone.now()
    seconds = (now - moment).total_seconds()
    if -60 < seconds < 5:
        return "now"
    if 0 < seconds < 60:
        return f"{seconds:.0f}{NARROW}s"
    if 0 < seconds < 3600:
        return f"{seconds // 60:.0f}{NARROW}min"
    there, here = timezone.localtime(moment), timezone.localtime(now)
    if there.date() == here.date():
        return date_format(there, "H:i")
    return date_format(there, "j M" if there.year == here.year else "j M Y")


@register.filter
def ago(moment: datetime, now: datetime | None = None) -> str:
    """12 s ago; an empty text over an hour, where the time itself says more."""
    now = now or timezone.now()
    seconds = (now - moment).total_seconds()
    if seconds >= 3600 or seconds < 0:
        return ""
    return "just now" if seconds < 5 else f"{when(moment, now)} ago"


@register.filter
def day_and_time(moment: datetime, now: datetime | None = None) -> str:
    """Today 13:48:07, else 3 Nov 13:48:07."""
    there, here = timezone.localtime(moment), timezone.localtime(now or timezone.now())
    if there.date() == here.date():
        return f"Today {date_format(there, 'H:i:s')}"
    return date_format(there, "j M H:i:s" if there.year == here.year else "j M Y H:i:s")


@register.filter
def full_time(moment: datetime) -> str:
    """3 November 2025, 13:48:07 CET: what a pointer that rests on a time sees."""
    return date_format(timezone.localtime(moment), "j F Y, H:i:s T")


@register.filter
def score_tone(score: int | None) -> str:
    """The class of a score: only middling and low ones are coloured."""
    if score is None:
        return "none"
    return "low" if score < 50 else "middling" if score < 75 else "good"


@register.filter
def short_model(name: str) -> str:
    """gpt-4o-mini of openai/gpt-4o-mini."""
    return name.rsplit("/", 1)[-1]
