"""DeeperCut in TensorFlow itself, with random values, as the published code builds it; a script for a Python that has TensorFlow.

    tensorflow_network.py OUT [full]

writes a checkpoint of all its variables (V2, and the backbone alone in the old form, V1) and TensorFlow's outputs for some images
(outputs.npz) into the folder OUT: of a network of all the layers at toy widths, with which the tests run, or of the published sizes.
It knows nothing of limbwise.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
v1.disable_eager_execution()
rng = np.random.default_rng(5)

TOY = {"scope": "resnet_v1_50", "stem": 3, "widths": (2, 2, 3, 3), "units": (3, 4, 6, 3), "joints": 14, "middle": 3}
FULL = {"scope": "resnet_v1_101", "stem": 64, "widths": (64, 128, 256, 512), "units": (3, 4, 23, 3), "joints": 17,
        "middle": 12}  # fmt: skip


def variable(name: str, shape: tuple[int, ...], low: float, high: float) -> tf.Tensor:
    return v1.get_variable(name, initializer=rng.uniform(low, high, shape).astype(np.float32), use_resource=False)


def conv(x: tf.Tensor, channels: int, kernel: int, stride: int = 1, rate: int = 1, relu: bool = True) -> tf.Tensor:
    """slim.conv2d, or conv2d_same where it strides, with batch norm of moving averages."""
    width = x.shape[-1]
    bound = float(np.sqrt(6 / (kernel * kernel * width)))
    weights = variable("weights", (kernel, kernel, width, channels), -bound, bound)
    padding = "SAME"
    if stride > 1:
        before, behind = (kernel - 1) // 2, kernel - 1 - (kernel - 1) // 2
        x, padding = tf.pad(x, [[0, 0], [before, behind], [before, behind], [0, 0]]), "VALID"
    x = tf.nn.conv2d(x, weights, stride, padding, dilations=rate)
    with v1.variable_scope("BatchNorm"):
        gamma, beta = variable("gamma", (channels,), 0.5, 1), variable("beta", (channels,), -0.1, 0.1)
        mean, variance = variable("moving_mean", (channels,), -0.1, 0.1), variable("moving_variance", (channels,), 0.5, 2)  # fmt: skip
    x = tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-5)
    return tf.nn.relu(x) if relu else x


def scoped(name: str, *arguments: object, **more: object) -> tf.Tensor:
    with v1.variable_scope(name):
        return conv(*arguments, **more)  # type: ignore[arg-type]


def bottleneck(x: tf.Tensor, width: int, stride: int, rate: int) -> tf.Tensor:
    with v1.variable_scope("bottleneck_v1"):
        if x.shape[-1] == 4 * width:
            direct = x if stride == 1 else tf.nn.max_pool2d(x, 1, stride, "VALID")
        else:
            direct = scoped("shortcut", x, 4 * width, 1, relu=False)
        x = scoped("conv1", x, width, 1)
        x = scoped("conv2", x, width, 3, stride, rate)
        return tf.nn.relu(direct + scoped("conv3", x, 4 * width, 1, relu=False))


def head(x: tf.Tensor, name: str, channels: int) -> tf.Tensor:
    with v1.variable_scope(f"pose/{name}/block4"):
        bound = float(np.sqrt(3 / (9 * int(x.shape[-1]))))
        weights = variable("weights", (3, 3, channels, int(x.shape[-1])), -bound, bound)
        size = tf.stack([tf.shape(x)[0], 2 * tf.shape(x)[1], 2 * tf.shape(x)[2], channels])
        return tf.nn.conv2d_transpose(x, weights, size, 2, "SAME") + variable("biases", (channels,), -1, 1)


def network(images: tf.Tensor, net: dict) -> dict[str, tf.Tensor]:
    with v1.variable_scope(net["scope"]):
        x = scoped("conv1", images, net["stem"], 7, 2)
        x = tf.nn.max_pool2d(x, 3, 2, "SAME")
        for block, (width, units) in enumerate(zip(net["widths"], net["units"], strict=True), 1):
            for unit in range(1, units + 1):
                with v1.variable_scope(f"block{block}/unit_{unit}"):
                    x = bottleneck(x, width, 2 if block < 3 and unit == units else 1, 2 if block == 4 else 1)
                if (block, unit) == (3, net["middle"]):
                    middle = x
    joints = net["joints"]
    return {"part_logits": head(x, "part_pred", joints), "offsets": head(x, "locref_pred", 2 * joints),
            "pairwise": head(x, "pairwise_pred", 2 * joints * (joints - 1)),
            "intermediate": head(middle, "intermediate_supervision", joints)}  # fmt: skip


def main() -> None:
    out, net = Path(sys.argv[1]), FULL if "full" in sys.argv[2:] else TOY
    out.mkdir(parents=True, exist_ok=True)
    images = v1.placeholder(tf.float32, (None, None, None, 3))
    outputs = network(images, net)
    weights = v1.global_variables()
    besides = {"global_step": np.int64(7), "pose/part_pred/block4/biases/Momentum": np.zeros(net["joints"], np.float32)}
    for name, value in besides.items():
        v1.get_variable(name, initializer=value, use_resource=False)
    answers: dict[str, np.ndarray] = {}
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        for i, (height, width) in enumerate([(32, 16), (29, 43), (38, 33)]):
            pixels = rng.uniform(-128, 128, (1, height, width, 3)).astype(np.float32)
            answers[f"images{i}"] = pixels
            for name, maps in zip(outputs, session.run(list(outputs.values()), {images: pixels}), strict=True):
                answers[f"{name}{i}"] = maps
        v1.train.Saver().save(session, str(out / "snapshot"), write_meta_graph=False, write_state=False)
        backbone = [weight for weight in weights if weight.name.startswith("resnet")]
        old = v1.train.Saver(backbone, write_version=v1.train.SaverDef.V1)
        old.save(session, str(out / "backbone.ckpt"), write_meta_graph=False, write_state=False)
    np.savez_compressed(out / "outputs.npz", **answers)


if __name__ == "__main__":
    main()
