"""Where people will be: a Kalman filter with constant velocity for each person, and one for each keypoint around the person.

A person's keypoints move together, and much less against each other. So the person's centre carries on at its velocity while
keypoints keep their places around it; a keypoint's own drift dies out. A person that was hidden for a second comes out as a
person, and a hidden keypoint moves on with the body. Both know how uncertain they are, in pixels squared, the same in x and y.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.track.state import JOINT, PERSON, Records, Row

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

# In units of a person's size (square root of the area of its box) and seconds.
ACCELERATION = 2.0  # of a person: a walker turns round within a second
LIMB_ACCELERATION = 5.0  # of a keypoint around the centre: the hands and feet of a walker
VELOCITY_TIME = 3.0  # after so long a person's velocity has lost two thirds: nobody walks straight on for ever
DRIFT_TIME = 0.25  # as long for a keypoint's own
CENTRE_NOISE = 0.02  # error that all keypoints of a person share
LONG_AGO = -1e300  # when a keypoint was seen that never was
FIRST_PACE = 1.5  # of people and keypoints just seen, whose velocity is not known yet


def begin(xy: Floats, scores: Floats, sigmas: Floats) -> tuple[Records, Records]:
    """People seen for the first time at `xy` (N, K, 2), NaN where missing: PERSON (N,) and JOINT (N, K), without numbers and times."""
    persons, joints = np.zeros(len(xy), PERSON), np.zeros(xy.shape[:2], JOINT)
    _begin(persons, joints, xy, scores, sigmas)
    return persons, joints


@compiled
def keypoint_noise(sigma: float, size: float, score: float) -> float:
    """Variance of a seen keypoint: its OKS sigma at the person's size, more for a weak score."""
    return float((sigma * size) ** 2 / min(max(2 * score, 0.2), 1))


@compiled
def _begin(persons: Records, joints: Records, xy: Floats, scores: Floats, sigmas: Floats) -> None:
    for n in range(len(xy)):
        person, count = persons[n], 0
        for k in range(xy.shape[1]):
            if not math.isnan(xy[n, k, 0]):
                person.x += xy[n, k, 0]
                person.y += xy[n, k, 1]
                count += 1
        person.x /= max(count, 1)
        person.y /= max(count, 1)
        for k in range(xy.shape[1]):
            if not math.isnan(xy[n, k, 0]):
                joint = joints[n, k]
                joint.known, joint.x, joint.y = 1, xy[n, k, 0] - person.x, xy[n, k, 1] - person.y
        person.size = _size(joints[n])
        person.place, person.pace = (CENTRE_NOISE * person.size) ** 2, (FIRST_PACE * person.size) ** 2
        for k in range(xy.shape[1]):
            joint = joints[n, k]
            joint.place, joint.pace = keypoint_noise(sigmas[k], person.size, scores[n, k]), person.pace
            joint.last = LONG_AGO


@compiled
def _size(joints: Records) -> float:
    """Square root of the area of the box around the known keypoints, at least 1 pixel.

    A side counts as at least a quarter of the other, so that a person from the side is not taken for a small one.
    """
    left, top, right, bottom = math.inf, math.inf, -math.inf, -math.inf
    for joint in joints:
        if joint.known:
            left, top = min(left, joint.x), min(top, joint.y)
            right, bottom = max(right, joint.x), max(bottom, joint.y)
    wide, high = max(right - left, 0.0), max(bottom - top, 0.0)
    return max(math.sqrt(max(wide, high / 4) * max(high, wide / 4)), 1.0)


@compiled
def advance(persons: Records, joints: Records, seconds: float) -> None:
    """Carry T people and their keypoints on by a time, in place."""
    stay, drift_stay = math.exp(-seconds / VELOCITY_TIME), math.exp(-seconds / DRIFT_TIME)
    for t in range(len(persons)):
        area = persons[t].size ** 2
        _later(persons[t], seconds, VELOCITY_TIME * (1 - stay), stay, ACCELERATION**2 * area)
        for k in range(joints.shape[1]):
            _later(joints[t, k], seconds, DRIFT_TIME * (1 - drift_stay), drift_stay, LIMB_ACCELERATION**2 * area)


@compiled
def _later(one: Row, seconds: float, way: float, stay: float, push: float) -> None:
    """A person or keypoint after `way` seconds of its velocity, of which the share `stay` is left; `push`: its acceleration squared."""
    one.x += way * one.vx
    one.y += way * one.vy
    one.vx *= stay
    one.vy *= stay
    place, both, pace = one.place, one.both, one.pace
    one.place = place + 2 * way * both + way**2 * pace + push * seconds * way**2 / 3
    one.both = stay * (both + way * pace) + push * seconds * way / 2
    one.pace = stay**2 * pace + push * seconds


@compiled
def correct(persons: Records, joints: Records, owner: Index, xy: Floats, scores: Floats, sigmas: Floats) -> None:
    """Bring tracks, carried on to now, in line with where people were seen, in place: `xy` (N, K, 2), NaN where a keypoint was not,
    of the tracks `owner` (N,), -1 for none."""
    for n in range(len(owner)):
        t = owner[n]
        if t < 0:
            continue
        person = persons[t]
        weight, x, y = common_shift(person, joints[t], xy[n], scores[n], sigmas)
        if weight > 0:  # where no keypoint is shared with what was known, the person takes no step
            x, y = _nearer(person, x, y, 1 / weight + (CENTRE_NOISE * person.size) ** 2)
        for k in range(joints.shape[1]):
            if math.isnan(xy[n, k, 0]):
                continue
            joint = joints[t, k]
            dx, dy = xy[n, k, 0] - person.x - joint.x, xy[n, k, 1] - person.y - joint.y
            noise = keypoint_noise(sigmas[k], person.size, scores[n, k])
            if joint.known:
                _nearer(joint, dx, dy, noise)
            else:
                joint.known, joint.x, joint.y = 1, joint.x + dx, joint.y + dy
                joint.vx, joint.vy = 0.0, 0.0
                joint.place, joint.both, joint.pace = noise, 0.0, (FIRST_PACE * person.size) ** 2
        person.size = _size(joints[t])


@compiled
def common_shift(
    person: Row, joints: Records, xy: Floats, scores: Floats, sigmas: Floats
) -> tuple[float, float, float]:
    """By how much the keypoints `xy` (K, 2) are elsewhere than believed, all in all: the weight of what was compared (inverse
    variance, 0 for nothing), and the mean shift in x and y."""
    total, x, y = 0.0, 0.0, 0.0
    for k in range(len(xy)):
        joint = joints[k]
        if joint.known and not math.isnan(xy[k, 0]):
            weight = 1 / (keypoint_noise(sigmas[k], person.size, scores[k]) + joint.place)
            total += weight
            x += weight * (xy[k, 0] - person.x - joint.x)
            y += weight * (xy[k, 1] - person.y - joint.y)
    if total > 0:
        return total, x / total, y / total
    return 0.0, 0.0, 0.0


@compiled
def _nearer(one: Row, x: float, y: float, noise: float) -> tuple[float, float]:
    """Kalman step of a person or keypoint that was seen off by x, y with a variance of `noise`; gives what is left of x, y."""
    place, pace = one.place / (one.place + noise), one.both / (one.place + noise)
    one.x += place * x
    one.y += place * y
    one.vx += pace * x
    one.vy += pace * y
    one.pace -= pace * one.both
    one.both *= 1 - place
    one.place *= 1 - place
    return x - place * x, y - place * y
