"""What can be changed of a batch while it runs: how many inputs at once, and what may be spent."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from functions.batches import MOST_AT_ONCE
from functions.models import Batch
from opperweb.accounts.forms import PageForm


class LimitsForm(PageForm):
    """The fields bear the names of the batch's own."""

    at_once = forms.IntegerField(label=_("At once"), min_value=1, max_value=MOST_AT_ONCE)
    stop_at_usd = forms.DecimalField(
        label=_("Stop at, US dollars"), required=False, min_value=0, max_digits=16, decimal_places=6
    )

    @classmethod
    def of(cls, batch: Batch) -> LimitsForm:
        """Return the form with what is in force, money without needless noughts."""
        stop_at = None if batch.stop_at_usd is None else f"{batch.stop_at_usd.normalize():f}"
        return cls(initial={"at_once": batch.at_once, "stop_at_usd": stop_at})

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["stop_at_usd"].widget.attrs |= {"placeholder": _("no limit"), "step": "any"}
