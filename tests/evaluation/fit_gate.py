"""Fits the gate of core/src/gate.rs: the chances that rules, or the code proposed first, answer a question.

    for set in everyday clinical answerable guidelines unanswerable; do
        casebook eval --signals tests/evaluation/$set.tune.tsv > /tmp/$set.tsv
    done
    pip install numpy
    python tests/evaluation/fit_gate.py /tmp

Prints `RULES` and `CODES`, and for some thresholds the share of each set below both: what is not answered but for the rules
of words, which stand before the gate.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

SETS = ("everyday", "clinical", "answerable", "guidelines", "unanswerable")


def read(file):
    """For each query the signals of rules, and those of the first code."""
    rules, codes, outside = {}, {}, defaultdict(float)
    for line in file.read_text(encoding="utf-8").splitlines():
        number, letter, *rest = line.split("\t")
        if letter == "G":
            rules[number] = [float(x) for x in rest]
        elif letter == "O":
            outside[number] = float(rest[1])
        elif letter == "C" and number not in codes:
            score, _, _, _, _, coverage, *_ = (float(x) for x in rest[2:])
            codes[number] = [score, coverage]
    return {n: (rules[n], codes.get(n, [0.0, 0.0]) + [outside[n]]) for n in rules}


def fitted(x, answered):
    """Logistic regression by Newton's method; both kinds weigh the same, however many there are."""
    x = np.c_[np.ones(len(x)), x]
    weights = np.where(answered == 1, 1 / answered.sum(), 1 / (1 - answered).sum()) * len(answered) / 2
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        slope = x.T @ (weights * (p - answered)) + 0.1 * w
        w -= np.linalg.solve((x * (weights * p * (1 - p))[:, None]).T @ x + 0.1 * np.eye(len(w)), slope)
    return w


def main():
    sets = {name: list(read(Path(sys.argv[1]) / f"{name}.tsv").values()) for name in SETS}

    def fit(name, which, answered):
        rows = [(q[which], a) for a, names in ((1, answered), (0, ["unanswerable"])) for n in names for q in sets[n]]
        w = fitted(np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows]))
        print(f"{name} = [{', '.join(f'{x:.2f}' for x in w)}]")
        return {n: 1 / (1 + np.exp(-(w[0] + np.array([q[which] for q in qs]) @ w[1:]))) for n, qs in sets.items()}

    rules = fit("RULES", 0, ["answerable", "guidelines"])
    codes = fit("CODES", 1, ["everyday", "clinical"])
    for rule in (0.25, 0.3, 0.35, 0.4, 0.45, 0.5):
        for code in (0.4, 0.5, 0.6):
            below = {n: f"{((rules[n] < rule) & (codes[n] < code)).mean():.3f}" for n in SETS}
            print(f"rules below {rule}, codes below {code}: {below}")


if __name__ == "__main__":
    main()
