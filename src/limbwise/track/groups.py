"""Groups of left-right pairs that networks confuse together: face, arms, legs, and others of one's own skeleton."""

from __future__ import annotations

from functools import lru_cache

from limbwise.skeleton import Skeleton

_GROUPS = {
    "face": ("eye", "ear", "pupil"),
    "arms": ("shoulder", "elbow", "wrist", "hand", "thumb", "index", "middle", "ring", "little"),
    "legs": ("hip", "knee", "ankle", "heel", "toe"),
}


@lru_cache(maxsize=64)
def groups(skeleton: Skeleton) -> dict[str, tuple[tuple[int, int], ...]]:
    """Left-right pairs by group; names of one's own are in the group "others"."""
    found: dict[str, list[tuple[int, int]]] = {}
    for left, right in skeleton.pairs:
        name = skeleton.keypoints[left]
        group = next((g for g, words in _GROUPS.items() if any(word in name for word in words)), "others")
        found.setdefault(group, []).append((left, right))
    return {group: tuple(pairs) for group, pairs in found.items()}
