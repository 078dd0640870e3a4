"""What the flows share: a provider on loopback, and a running product."""

from tests.flows.test_start import start
from tests.functions.conftest import use_upstream

__all__ = ["start", "use_upstream"]
