"""A live window for pictures, through pygame (SDL): OpenCV's headless build has none. Extra `show`."""

from __future__ import annotations

import os
import warnings
from types import ModuleType, TracebackType
from typing import Any

import cv2
import numpy as np

from limbwise.draw.text import Image, check_image
from limbwise.errors import LimbwiseError, require


class Window:
    """A window that shows one picture after the other and listens to the keyboard.

        with Window("limbwise") as window:
            while window.show(next_picture()): ...

    q, Esc or the close button end it; Tab switches `overlay`, which is for the caller to heed. The window opens with the first
    picture, at its size or the largest that the screen holds, can be resized, and keeps the aspect of the pictures. Raises
    MissingExtra without pygame, and LimbwiseError where there is no screen.
    """

    def __init__(self, title: str = "limbwise", overlay: bool = False) -> None:
        self.title = title
        self.overlay = overlay
        self.closed = False
        self._pygame: Any = None
        self._surface: Any = None

    def __enter__(self) -> Window:
        self._pygame = _pygame()
        try:
            self._pygame.display.init()
        except self._pygame.error as error:
            raise LimbwiseError(
                f"no window can be opened here ({error}); write the pictures to files instead"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._surface = None
        self._pygame.display.quit()

    def show(self, image: Image) -> bool:
        """Show a picture (H, W, 3) uint8 RGB at once; False when the user has ended the window, then and ever after."""
        image = check_image(image)
        if self._surface is None and not self.closed:
            self._open(image)
        self._listen()
        if not self.closed:
            self._paint(image)
        return not self.closed

    def _open(self, image: Image) -> None:
        display = self._pygame.display
        screen = max(display.get_desktop_sizes()[0], (1, 1))
        display.set_caption(self.title)
        try:
            size = fit_size(image, (int(0.9 * screen[0]), int(0.9 * screen[1])), enlarge=False)
            self._surface = display.set_mode(size, self._pygame.RESIZABLE)
        except self._pygame.error as error:
            raise LimbwiseError(
                f"no window can be opened here ({error}); write the pictures to files instead"
            ) from error

    def _listen(self) -> None:
        pygame = self._pygame
        for event in pygame.event.get():
            pressed = event.key if event.type == pygame.KEYDOWN else None
            if event.type == pygame.QUIT or pressed in (pygame.K_q, pygame.K_ESCAPE):
                self.closed = True
            elif pressed == pygame.K_TAB:
                self.overlay = not self.overlay

    def _paint(self, image: Image) -> None:
        """The picture in the middle of the window, as large as fits."""
        self._surface = self._pygame.display.get_surface()
        wide, high = self._surface.get_size()
        size = fit_size(image, (wide, high))
        if size != (image.shape[1], image.shape[0]):
            method = cv2.INTER_AREA if size[0] < image.shape[1] else cv2.INTER_LINEAR
            image = check_image(np.asarray(cv2.resize(image, size, interpolation=method), np.uint8))
        picture = self._pygame.image.frombuffer(image.data, size, "RGB")
        self._surface.fill((0, 0, 0))
        self._surface.blit(picture, ((wide - size[0]) // 2, (high - size[1]) // 2))
        self._pygame.display.flip()


def fit_size(image: Image, room: tuple[int, int], enlarge: bool = True) -> tuple[int, int]:
    """(width, height) of the image when it fills `room` (width, height) with its aspect kept; at least 1 x 1."""
    high, wide = image.shape[:2]
    factor = min(room[0] / wide, room[1] / high)
    factor = factor if enlarge else min(factor, 1)
    return max(1, round(wide * factor)), max(1, round(high * factor))


def _pygame() -> ModuleType:
    """pygame without its greeting, and without the warnings that its import gives about its own dependencies."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return require("pygame", "show")
