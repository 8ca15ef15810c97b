"""What answers look like, for the description of the server (OpenAPI)."""

from __future__ import annotations

from typing import Any

_PERSON: dict[str, Any] = {
    "id": None,
    "score": 12.4113,
    "box": [212.118, 40.25, 330.504, 421.87],
    "keypoints": [[271.44, 61.907, 0.9312], None, [262.01, 55.333, 0.9047]],
}
PEOPLE: dict[str, Any] = {
    "width": 620,
    "height": 465,
    "people": [_PERSON],
    "milliseconds": {"read": 2.914, "prepare": 1.207, "network": 31.552, "group": 0.861},
}
OPENPOSE: dict[str, Any] = {
    "version": 1.3,
    "people": [
        {
            "person_id": [-1],
            "pose_keypoints_2d": [271.44, 61.907, 0.9312],
            "face_keypoints_2d": [],
            "hand_left_keypoints_2d": [],
            "hand_right_keypoints_2d": [],
            "pose_keypoints_3d": [],
            "face_keypoints_3d": [],
            "hand_left_keypoints_3d": [],
            "hand_right_keypoints_3d": [],
        }
    ],
}
COCO: list[dict[str, Any]] = [
    {"image_id": 0, "category_id": 1, "keypoints": [271.44, 61.907, 1, 0, 0, 0], "score": 12.4113}
]
TABLE = "source,frame,time,person,id,score,box_x,box_y,box_w,box_h,nose_x,nose_y,nose_score\n"
CLIP: dict[str, Any] = {
    "width": 620,
    "height": 465,
    "frames": [{"frame": 0, "time": 0.0, "people": [{**_PERSON, "id": 0}]}],
}
STREAM: dict[str, Any] = {"frame": 17, **PEOPLE, "dropped": 3}
