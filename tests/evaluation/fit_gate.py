"""Fits the gate: the chance that the sources answer a question, by the likest questions that they answer and do not.

    pip install numpy onnxruntime tokenizers
    python tests/evaluation/fit_gate.py DATA/assets/minilm-int8

Reads the questions of core/digest and core/outside.tsv, leaves each one out in its turn, and prints the three numbers of
`LOG_ODDS` in core/src/gate.rs, with the share of either kind below some thresholds. No evaluation set is read.
"""

import sys
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

CORE = Path(__file__).parents[2] / "core"


def vectors(folder, texts):
    """Mean-pooled vectors of length 1, as `casebook-embeddings` makes them."""
    session = onnxruntime.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
    inputs = {i.name for i in session.get_inputs()}
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()
    out = np.zeros((len(texts), 384), np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(order), 16):
        rows = order[start : start + 16]
        encoded = [e.ids for e in tokenizer.encode_batch([texts[i] for i in rows])]
        ids = np.zeros((len(rows), max(map(len, encoded))), np.int64)
        mask = np.zeros_like(ids)
        for row, one in enumerate(encoded):
            ids[row, : len(one)], mask[row, : len(one)] = one, 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        tokens = session.run(None, {k: v for k, v in given.items() if k in inputs})[0]
        pooled = (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        out[rows] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return out


def likest(of, among, same):
    """For each vector its largest cosine with another; where `same`, itself is left out."""
    best = np.zeros(len(of))
    for start in range(0, len(of), 1000):
        cosines = of[start : start + 1000] @ among.T
        if same:
            rows = np.arange(len(cosines))
            cosines[rows, start + rows] = -1
        best[start : start + 1000] = cosines.max(1)
    return best


def fitted(features, answered, weights):
    """Logistic regression by Newton's method, hardly regularised."""
    x = np.c_[np.ones(len(features)), features]
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        slope = x.T @ (weights * (p - answered)) + 1e-3 * w
        curve = (x * (weights * p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(len(w))
        w -= np.linalg.solve(curve, slope)
    return w, 1 / (1 + np.exp(-x @ w))


def main():
    asked = []
    for file in sorted((CORE / "digest").glob("*.toml")):
        for entry in tomllib.loads(file.read_text(encoding="utf-8")).get("entry", []):
            asked += entry["ask"]
    outside = [
        line.split("\t")[1]
        for line in (CORE / "outside.tsv").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    inner, outer = vectors(sys.argv[1], asked), vectors(sys.argv[1], outside)
    features = np.r_[
        np.c_[likest(inner, inner, True), likest(inner, outer, False)],
        np.c_[likest(outer, inner, False), likest(outer, outer, True)],
    ]
    answered = np.r_[np.ones(len(inner)), np.zeros(len(outer))]
    # Both kinds weigh the same, however many there are.
    weights = np.where(answered == 1, 1.0, len(inner) / len(outer))
    w, p = fitted(features, answered, weights)
    print(f"{len(inner)} answered, {len(outer)} not; LOG_ODDS = [{', '.join(f'{x:.2f}' for x in w)}]")
    for threshold in (0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6):
        lost, refused = (p[answered == 1] < threshold).mean(), (p[answered == 0] < threshold).mean()
        print(f"below {threshold}: {lost:.1%} of the answered, {refused:.1%} of the others")


if __name__ == "__main__":
    main()
