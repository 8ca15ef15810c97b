"""What failed in a command that goes on with the rest: said at its end, with the exit code for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from limbwise.errors import InputError


def report(problems: Sequence[InputError], summary: str = "") -> None:
    """A line for each problem and one of summary on stderr, and exit code 3; nothing where nothing failed."""
    if not problems:
        return
    for line in (*problems, *([summary] if summary else [])):
        print(f"limbwise: {' '.join(str(line).splitlines())}", file=sys.stderr)
    sys.exit(InputError.exit_code)
