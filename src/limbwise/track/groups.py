"""Groups of left-right pairs that networks confuse together: face, arms, legs, and others of one's own skeleton."""

from __future__ import annotations

from functools import lru_cache

from limbwise.skeleton import Skeleton

_GROUPS = {
    "legs": {"hip", "knee", "ankle", "heel", "toe"},
    "arms": {"shoulder", "elbow", "wrist", "hand", "thumb", "index", "middle", "ring", "little"},
    "face": {"eye", "eyebrow", "ear", "pupil"},
}


@lru_cache(maxsize=64)
def groups(skeleton: Skeleton) -> dict[str, tuple[tuple[int, int], ...]]:
    """Left-right pairs by group, told by whole words ("rear" is no ear) with or without a number; names of one's own are in the group
    "others"."""
    found: dict[str, list[tuple[int, int]]] = {}
    for left, right in skeleton.pairs:
        words = {word.rstrip("0123456789") for word in skeleton.keypoints[left].split("_")}
        group = next((g for g, known in _GROUPS.items() if words & known), "others")
        found.setdefault(group, []).append((left, right))
    return {group: tuple(pairs) for group, pairs in found.items()}
