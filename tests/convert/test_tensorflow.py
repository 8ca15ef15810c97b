"""TensorFlow checkpoints read without TensorFlow: checksums, packed blocks, and files that are damaged or something else."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from limbwise.convert.crc32c import crc32c, masked_crc32c
from limbwise.convert.kinds import convert
from limbwise.convert.sstable import unpack_snappy
from limbwise.convert.tensorflow import is_checkpoint, prefix_of, read_checkpoint
from limbwise.engine.protobuf import read_varint
from limbwise.errors import InputError

FIXTURE = Path(__file__).parent / "fixtures" / "tensorflow"  # written by TensorFlow 2.21, see tensorflow_network.py
DATA = "snapshot.data-00000-of-00001"
# What names.snappy holds, packed by the Rust crate snap.
NAMES = b"".join(b"resnet_v1_101/block%d/unit_%d/bottleneck_v1/conv%d/weights " % (block, unit, conv)
                 for block in range(1, 5) for unit in range(1, 24) for conv in (1, 2, 3)) + bytes(range(256)) + b"a" * 300  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("snapshot.index", DATA, "backbone.ckpt"):
        shutil.copy(FIXTURE / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"123456789", 0xE3069283),
        (b"", 0),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_checksums_of_rfc_3720(data: bytes, crc: int) -> None:
    assert crc32c(data) == crc
    assert crc32c(memoryview(data)) == crc


def test_masked_as_leveldb_does() -> None:
    """util/crc32c.h: rotated right by 15, plus a constant."""
    crc = crc32c(b"foo")
    assert masked_crc32c(b"foo") == ((crc >> 15) + ((crc & 0x7FFF) << 17) + 0xA282EAD8) % 2**32


def test_what_another_program_packed() -> None:
    assert unpack_snappy((FIXTURE / "names.snappy").read_bytes()) == NAMES


@pytest.mark.parametrize(
    ("packed", "plain"),
    [
        ("0000", None),  # a literal in nothing
        ("0461", None),  # a copy of nothing
        ("0a2468656c6c6f", None),  # a literal that is cut short
        ("05106865 6c6c6f", b"hello"),
        ("0a 0061 0900", None),  # back by 0
        ("08 0061 0d01", b"a" * 8),  # a copy that reaches into itself
        ("09 0061 0d01", None),  # too short
        ("03 0061 0d01", None),  # too long
        ("06 0061 1201 00", b"a" * 6),
        ("06 0061 1301 000000", b"a" * 6),
        ("06 0061 1302 000000", None),
        ("04 fc", None),
    ],
)
def test_snappy(packed: str, plain: bytes | None) -> None:
    if plain is None:
        with pytest.raises(ValueError, match=r"Snappy|number"):
            unpack_snappy(bytes.fromhex(packed))
    else:
        assert unpack_snappy(bytes.fromhex(packed)) == plain


def test_variables_by_name_with_their_types() -> None:
    variables = read_checkpoint(FIXTURE / "snapshot")
    assert len(variables) == 255 + 10
    assert variables["global_step"].tolist() == 7
    assert variables["global_step"].dtype == np.int64
    assert variables["resnet_v1_50/conv1/weights"].shape == (7, 7, 3, 3)
    for path in ("snapshot.index", DATA):
        assert read_checkpoint(FIXTURE / path).keys() == variables.keys()
    old = read_checkpoint(FIXTURE / "backbone.ckpt")
    assert len(old) == 255
    assert all(np.array_equal(value, variables[name]) for name, value in old.items())


def test_what_a_path_means() -> None:
    assert prefix_of("a/snapshot-7.data-00000-of-00001") == Path("a/snapshot-7")
    assert [is_checkpoint(FIXTURE / name) for name in ("snapshot", DATA, "backbone.ckpt", "outputs.npz", "nothing")] == [
        True, True, True, False, False
    ]  # fmt: skip


def test_missing_and_exchanged_files(copy: Path) -> None:
    (copy / DATA).unlink()
    with pytest.raises(InputError, match=rf"{DATA}: cannot be read \(No such file"):
        read_checkpoint(copy / "snapshot")
    (copy / DATA).write_bytes((FIXTURE / DATA).read_bytes()[:5000])
    with pytest.raises(InputError, match=rf"{DATA}: .* beyond its end"):
        read_checkpoint(copy / "snapshot")
    data = bytearray((FIXTURE / DATA).read_bytes())
    data[-1000] ^= 1
    (copy / DATA).write_bytes(data)
    with pytest.raises(InputError, match=rf"{DATA}: .* checksum is wrong"):
        read_checkpoint(copy / "snapshot")
    with pytest.raises(InputError, match=r"snapshot\.index: cannot be read"):
        read_checkpoint(copy / "nowhere" / "snapshot")
    (copy / "snapshot.index").write_bytes(b"")
    with pytest.raises(InputError, match=r"snapshot\.index: not the index"):
        read_checkpoint(copy / "snapshot")


def with_right_checksums(index: bytearray) -> None:
    """Make the checksums of an index of one block right again, so that what is behind them is tried as well."""
    handles = [
        0,
        0,
        0,
        0,
    ]  # offset and size of the block about blocks, which comes after the data, and of the index of blocks
    at = len(index) - 48
    for i in range(4):
        handles[i], at = read_varint(index, at)
    for start, end in ((0, handles[0] - 5), (handles[2], handles[2] + handles[3])):
        crc = masked_crc32c(index[start : end + 1])
        if 0 < end < len(index) - 53:
            index[end + 1 : end + 5] = crc.to_bytes(4, "little")


@pytest.mark.parametrize("name", ["snapshot.index", DATA, "backbone.ckpt"])
def test_damaged_files_are_named(name: str, copy: Path) -> None:
    """Cut short, or with bytes changed (in the index with checksums made right): refused in one line, or the same numbers."""
    data = (FIXTURE / name).read_bytes()
    rng = np.random.default_rng(3)
    path = copy / ("backbone.ckpt" if name == "backbone.ckpt" else "snapshot")
    refused = 0
    for trial in range(60):
        broken = bytearray(data[: rng.integers(len(data))] if trial % 5 == 0 else data)
        for _ in range(rng.integers(1, 5)):
            if broken:
                broken[rng.integers(len(broken))] = rng.integers(256)
        if name == "snapshot.index" and trial % 5:
            with suppress(ValueError):
                with_right_checksums(broken)
        (copy / name).write_bytes(broken)
        try:
            read_checkpoint(path)
        except InputError as error:
            refused += 1
            assert str(copy) in str(error)
            assert "\n" not in str(error)
    assert refused > 40


def test_a_damaged_checkpoint_is_refused_at_the_command_line_too(copy: Path) -> None:
    (copy / DATA).write_bytes(b"short")
    with pytest.raises(InputError, match=DATA):
        convert(copy / "snapshot")
