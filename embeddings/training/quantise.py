"""Mixes trained weights with the published ones and writes them as rows of 8-bit integers, the file that the crate carries.

    python quantise.py --published DIR/model.safetensors --trained trained.safetensors --share 0.6 \
        --out ../model/casebook-minilm.safetensors

Weights trained on names of codes alone judge whole sentences worse than the published ones; 0.6 of the way between them lies
nearly all of what is gained for names, and nothing is lost for questions.

Each matrix becomes integers from -127 to 127 and, as NAME.scale, a 32-bit scale for each row; vectors stay as they are.
`src/weights.rs` reads it. Prints the largest difference of any weight, relative to the largest weight of its row.
"""

import argparse

import numpy as np
from safetensors.numpy import load_file, save_file


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("published", "trained", "out"):
        arguments.add_argument(f"--{name}", required=True)
    arguments.add_argument("--share", type=float, default=0.6, help="of the trained weights")
    given = arguments.parse_args()
    published, trained = load_file(given.published), load_file(given.trained)
    out, worst = {}, 0.0
    for name, weight in trained.items():
        tensor = ((1 - given.share) * published[name] + given.share * weight).astype(np.float32)
        if tensor.ndim < 2:
            out[name] = tensor
            continue
        largest = np.abs(tensor).max(axis=1)
        scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
        out[name] = np.rint(tensor / scale[:, None]).clip(-127, 127).astype(np.int8)
        out[name + ".scale"] = scale
        worst = max(worst, float((np.abs(out[name] * scale[:, None] - tensor) / (scale[:, None] * 127)).max()))
    save_file(out, given.out)
    print(f"largest relative difference {worst:.4f}")


if __name__ == "__main__":
    main()
