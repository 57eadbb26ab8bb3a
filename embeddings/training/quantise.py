"""Writes trained weights as rows of 8-bit integers, the file that the crate carries.

    python quantise.py trained.safetensors ../model/casebook-minilm.safetensors

Each matrix becomes integers from -127 to 127 and, as NAME.scale, a 32-bit scale for each row; vectors stay as they are.
`src/weights.rs` reads it. Prints the largest difference of any weight, relative to the largest weight of its row.
"""

import sys

import numpy as np
from safetensors.numpy import load_file, save_file


def main():
    source, target = sys.argv[1:]
    out, worst = {}, 0.0
    for name, tensor in load_file(source).items():
        if tensor.ndim < 2 or tensor.dtype != np.float32:
            if tensor.dtype == np.float32:
                out[name] = tensor
            continue
        largest = np.abs(tensor).max(axis=1)
        scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
        out[name] = np.rint(tensor / scale[:, None]).clip(-127, 127).astype(np.int8)
        out[name + ".scale"] = scale
        worst = max(worst, float((np.abs(out[name] * scale[:, None] - tensor) / (scale[:, None] * 127)).max()))
    save_file(out, target)
    print(f"largest relative difference {worst:.4f}")


if __name__ == "__main__":
    main()
