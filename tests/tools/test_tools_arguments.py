"""The command lines are the deployment guide's, and nonsense is told at once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pexschedd.config import DEFAULT_PATH
from pexschedd.control.protocol import MaintenanceOrder, RecoveryOrder
from pexschedd.tools import arguments

NOON = datetime(2017, 5, 1, 12, 0, tzinfo=UTC)


def test_the_guides_examples() -> None:
    """Both examples of the guide mean what the guide says; all else has a default."""
    asked = arguments.recovery(["--time-limit", "2017-05-01T12:00:00"])
    assert asked.config == Path(DEFAULT_PATH)
    assert asked.order == RecoveryOrder(
        exchange_connector_id=None,
        time_limit=NOON,
        update_message="This meeting has updated joining instructions.",
        dry_run=False,
    )
    limits = ["--inbox-time-limit", "2017-05-01T12:00:00"]
    limits += ["--calendar-time-limit", "2017-05-01T12:00:00"]
    asked = arguments.maintenance(limits)
    assert asked.order == MaintenanceOrder(
        inbox_time_limit=NOON, calendar_time_limit=NOON
    )


def test_every_argument() -> None:
    """Each of them arrives; an empty integration means all of them."""
    given = ["--config", "x.json", "--exchange-connector-id", "3", "--dry-run"]
    asked = arguments.recovery([*given, "--update-message", "<b>x</b>"])
    assert asked.config == Path("x.json")
    assert asked.order == RecoveryOrder(
        exchange_connector_id=3, update_message="<b>x</b>", dry_run=True
    )
    assert arguments.maintenance(given).order == MaintenanceOrder(
        exchange_connector_id=3, dry_run=True
    )
    blank = arguments.maintenance(["--exchange-connector-id", ""])
    assert blank.order == MaintenanceOrder()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--time-limit", "2017-05-01"], "YYYY-MM-DDTHH:MM:SS"),
        (["--time-limit", "2017-05-01T12:00:00Z"], "YYYY-MM-DDTHH:MM:SS"),
        (["--time-limit", "2017-13-01T12:00:00"], "2017-13-01"),
        (["--time-limit", "0000-01-01T12:00:00"], "0000-01-01"),
        (["--time-limit", "２０１７-05-01T12:00:00"], "YYYY"),
        (["--time-limit"], "expected one argument"),
        (["--exchange-connector-id", "0"], "ID of an integration"),
        (["--exchange-connector-id", "one"], "ID of an integration"),
        (["--exchange-connector-id", "9" * 30], "ID of an integration"),
        (["--update-message", "x" * 12289], "12288"),
        (["--update-message", "gr\udcfc\udcdfe"], "not UTF-8"),
        (["--time", "2017-05-01T12:00:00"], "unrecognized"),
        (["7"], "unrecognized"),
    ],
)
def test_nonsense(
    given: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and a sentence that says what would be right."""
    with pytest.raises(SystemExit) as ended:
        arguments.recovery(given)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
