"""The bytes of the file that a client sends, whole body or field of a form, as they come, counted."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from limbwise.web.refusal import Refusal

FRAMING = 65536  # bytes that a form may need around its file
FIELD = "file"


async def file_chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The file of a request, piece by piece: its body as it is, or the field `file` of multipart/form-data.

    Raises Refusal 413 beyond `limit` bytes (at once where the request says its length), 400 for a form that cannot be read.
    """
    kind, parameters = parse_options_header(request.headers.get("content-type", ""))
    form = _Form(parameters.get(b"boundary", b"")) if kind == b"multipart/form-data" else None
    most = limit if form is None else limit + FRAMING
    told = request.headers.get("content-length", "")
    _check(int(told) if told.isdecimal() else 0, most, limit)
    count = 0
    async for chunk in request.stream():
        count += len(chunk)
        _check(count, most, limit)
        for piece in [chunk] if form is None else form.feed(chunk):
            yield piece
    if form is not None:
        form.end()


def _check(count: int, most: int, limit: int) -> None:
    if count > most:
        raise Refusal(413, f"the file: more than the {limit / 1e6:g} MB allowed; make it smaller")


class _Form:
    """A form that is read as it comes: what belongs to its field `file`."""

    def __init__(self, boundary: bytes) -> None:
        if not boundary or len(boundary) > 256:
            raise Refusal(400, "the form: its content type names no boundary")
        self._pieces: list[bytes] = []
        self._header, self._value = b"", b""
        self._in_file = self._ended = self._found = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_begin": self._new_header,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> list[bytes]:
        """What of the file came with this piece of the form."""
        self._pieces = []
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise Refusal(400, f"the form: cannot be read ({error})") from error
        return self._pieces

    def end(self) -> None:
        """Nothing more comes; raises Refusal 400 where that is too early, or no file was in it."""
        if not self._ended:
            raise Refusal(400, "the form: is cut short")
        if not self._found:
            raise Refusal(400, f"the form: has no field named {FIELD}")

    def _begin(self) -> None:
        self._in_file = False

    def _new_header(self) -> None:
        self._header, self._value = b"", b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, parameters = parse_options_header(self._value)
            self._in_file = parameters.get(b"name") == FIELD.encode() and not self._found
            self._found = self._found or self._in_file

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])

    def _end(self) -> None:
        self._ended = True
