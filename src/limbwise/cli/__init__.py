"""The command line: one file a verb, exit codes as in limbwise.errors.

0 done · 1 failed · 2 usage · 3 an input could not be read · 4 a model is missing · 5 a file is not what its hash says
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an error is one line on stderr, `--debug` shows where it came from."""
    from limbwise.errors import LimbwiseError

    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        sys.exit(_run(arguments))
    except LimbwiseError as error:
        if debug:
            raise
        _say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say("stopped")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        _say(f"internal error, {type(error).__name__}: {error} (--debug shows where)")
        sys.exit(1)


def _run(arguments: list[str]) -> int:
    from limbwise.cli.verbs import app

    result = app(args=arguments, prog_name="limbwise", standalone_mode=True)
    return result if isinstance(result, int) else 0


def _say(message: str) -> None:
    """One line, whatever a library put into the message."""
    print("limbwise: " + " ".join(message.split()), file=sys.stderr)
