"""`limbwise serve` as a command: what it says, what it refuses, and that nothing of it is loaded by others. See tests/web."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from limbwise.cli import main
from limbwise.errors import LimbwiseError, UsageError
from limbwise.web.folder import MARK, close_folder, open_folder
from limbwise.web.options import ServedModels, ServeOptions, cache_folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[object, str]:
    """Exit code, and what is said on stderr."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["limbwise", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    return ended.value.code, capsys.readouterr().err


def test_help_and_refusals_load_no_server() -> None:
    code = (
        "import sys; sys.argv[1:] = ['serve', '--help']; from limbwise.cli import main\n"
        "try: main()\nexcept SystemExit: print({'fastapi', 'uvicorn', 'prometheus_client', 'starlette'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip().endswith("set()")
    for flag in ("--host", "--max-body-mb", "--model", "--engine", "--threshold", "--origins"):
        assert flag in done.stdout


def test_without_the_extra(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    said = "limbwise: fastapi is not installed; run: pip install 'limbwise[serve]'\n"
    assert run(capsys, "serve") == (1, said)


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (["--port", "70000"], 2, "port"),
        (["--max-waiting", "0"], 2, "max_waiting"),
        (["--host", "192.0.2.1"], 1, "192.0.2.1:8000: cannot be listened on"),
        (["--port", "0", "--model", "none.onnx"], 4, "none.onnx"),
    ],
)
def test_what_is_refused(flags: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    ended, said = run(capsys, "serve", *flags)
    assert ended == code, said
    assert says in said
    assert said.count("\n") == 1


def test_names_of_models() -> None:
    models = ServedModels(model=["default", "a/wide.onnx"], size=200)  # type: ignore[call-arg]  # several
    assert {name: (one["model"], one["size"]) for name, one in models.each().items()} == {
        "default": ("default", 200),
        "wide": ("a/wide.onnx", 200),
    }
    with pytest.raises(UsageError, match="two are called wide"):
        replace(models, model=["a/wide.onnx", "b/wide.xml"]).each()
    with pytest.raises(UsageError, match="--spec"):
        replace(models, spec=Path("a.json")).each()


def test_the_folder_is_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMBWISE_HOME", str(tmp_path / "home"))
    folder = cache_folder(ServeOptions(host="::1", port=81))
    assert folder == tmp_path / "home" / "serve" / "__1-81"
    open_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "left" / "over").mkdir(parents=True)
    (folder / "clip").write_bytes(b"left over")
    open_folder(folder)
    assert [path.name for path in folder.iterdir()] == [MARK]
    close_folder(folder)
    assert not folder.exists()


def test_folders_of_others_are_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(UsageError, match="other files"):
        open_folder(tmp_path)
    assert (tmp_path / "precious.txt").read_text() == "mine"
    with pytest.raises(LimbwiseError, match="cannot be used"):
        open_folder(tmp_path / "precious.txt" / "own")
