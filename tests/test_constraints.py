"""The pinned dependencies name no host and no path, for a machine gets its packages from where it likes."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_pins_name_no_host_and_no_path():
    text = (ROOT / "constraints.txt").read_text()
    assert "://" not in text
    assert " @ " not in text
    assert not any(line.startswith(("-", "#")) for line in text.splitlines())


def test_every_pin_is_exact():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert "==" in line.split(";")[0], line
