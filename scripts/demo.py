"""`make demo`: the astronaut photo of scikit-image (public domain) in, her pose out: out/demo/drawn/astronaut.png and openpose/."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    from limbwise.errors import ModelMissing
    from limbwise.estimate.zoo import find_model

    try:
        find_model("default")
    except ModelMissing as missing:
        print(f"demo: {missing}")
        return missing.exit_code
    import skimage

    photo = Path(skimage.__file__).parent / "data" / "astronaut.png"
    # She is larger than the picture; the default model knows people as large as that only when it looks from further away.
    asked = ["predict", str(photo), "-o", "out/demo", "--draw", "--overwrite", "--size", "256"]
    command = [sys.executable, "-m", "limbwise", *asked]
    code = subprocess.run(command, check=False).returncode
    if code == 0:
        print("look at out/demo/drawn/astronaut.png; the pose is in out/demo/openpose/astronaut_keypoints.json")
    return code


if __name__ == "__main__":
    sys.exit(main())
