"""Which compiled network runs an input of which shape."""

from __future__ import annotations

from limbwise.engine.shapes import CompiledShapes, Shape

ANY = (-1,)


def compiled_by(patience: int, kept: int, asked: list[Shape]) -> tuple[list[Shape], list[Shape]]:
    """What was compiled, and what ran each shape, in order."""
    made: list[Shape] = []

    def compile(shape: Shape | None) -> Shape:
        made.append(shape or ANY)
        return shape or ANY

    shapes = CompiledShapes(compile, patience, kept)
    return made, [shapes[shape] for shape in asked]


A, B, C, D = (1,), (2,), (3,), (4,)


def test_a_video_compiles_its_one_size() -> None:
    assert compiled_by(2, 2, [A] * 5) == ([A], [A] * 5)


def test_new_sizes_do_not_compile() -> None:
    made, ran = compiled_by(2, 2, [A, B, C, D, A])
    assert made == [A, ANY]
    assert ran == [A, ANY, ANY, ANY, A]


def test_a_size_that_comes_often_gets_its_own() -> None:
    made, ran = compiled_by(2, 2, [A, B, B, C, B, B])
    assert made == [A, ANY, B]
    assert ran == [A, ANY, ANY, ANY, B, B]


def test_the_longest_unused_goes() -> None:
    made, ran = compiled_by(0, 2, [A, B, A, C, A, B])
    assert made == [A, B, C, B]
    assert ran == [A, B, A, C, A, B]
