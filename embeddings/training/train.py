"""Trains all-MiniLM-L6-v2 further on names of the same code, so that what people say lies near what the code set prints.

    pip install jax optax numpy safetensors tokenizers
    python train.py --model DIR --names names.jsonl --pairs pairs.tsv --steps 900 --out trained.safetensors

DIR holds the published `model.safetensors` and `tokenizer.json` (see `embeddings/assets.toml` for their checksums).
`names.jsonl` comes from `names.py`, `pairs.tsv` holds a saying, TAB and what it means on each line. Names that are held out are
never read. In-batch negatives: the other names of a batch, but for those of the same code, one above it or below it. Half of each
batch are neighbours (the same three characters), because telling those apart is what a coder needs.
"""

import argparse
import json
import random
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

LAYERS, HEADS, WIDTH = 6, 12, 384
# Names of codes are seldom longer; of a passage its beginning is learnt.
LONGEST = 32
# Cosine similarities are divided by it before the softmax.
TEMPERATURE = 0.05


def encode(weights, ids, mask):
    """Mean-pooled, normalised vectors of a batch of token ids."""

    def linear(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x, name):
        mean = x.mean(-1, keepdims=True)
        spread = ((x - mean) ** 2).mean(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(spread + 1e-12) * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    batch, length = ids.shape
    x = (
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][:length]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    x = norm(x, "embeddings.LayerNorm")
    bias = (1.0 - mask)[:, None, None, :] * -1e4
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"

        def heads(name):
            y = linear(x, f"{at}.attention.self.{name}")
            return y.reshape(batch, length, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / (WIDTH // HEADS) ** 0.5
        mixed = jax.nn.softmax(scores + bias, -1) @ heads("value")
        mixed = mixed.transpose(0, 2, 1, 3).reshape(batch, length, WIDTH)
        x = norm(x + linear(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
        inner = jax.nn.gelu(linear(x, f"{at}.intermediate.dense"), approximate=False)
        x = norm(x + linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    pooled = (x * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    return pooled / jnp.linalg.norm(pooled, axis=-1, keepdims=True)


def whole(weights, halves):
    """The vectors of a batch that `tokens` cut in a short and a long half, in the batch's order."""
    short, long, order = halves
    return jnp.concatenate([encode(weights, *short), encode(weights, *long)])[order]


def loss(weights, left, right, related):
    """Cross-entropy both ways; `related` marks pairs that are neither positive nor negative."""
    a, b = whole(weights, left), whole(weights, right)
    scores = a @ b.T / TEMPERATURE
    scores = jnp.where(related, -1e9, scores)
    place = jnp.arange(a.shape[0])
    down = optax.softmax_cross_entropy_with_integer_labels(scores, place)
    across = optax.softmax_cross_entropy_with_integer_labels(scores.T, place)
    return (down + across).mean() / 2


class Batches:
    """Pairs of names, drawn for ever from a seed."""

    def __init__(self, names, pairs, size, seed):
        self.random = random.Random(seed)
        self.size = size
        self.titles, self.names = {}, {}
        for row in map(json.loads, open(names, encoding="utf-8")):
            if row["held"]:
                continue
            if row["kind"] == "title":
                self.titles[row["code"]] = row["name"]
            else:
                self.names.setdefault(row["code"][:3], []).append((row["code"], row["name"], row["kind"]))
        # Two tables are as large as all the rest and say little: a part of them each round.
        self.keep = {"drug": 0.08, "neoplasm": 0.3}
        self.pairs = [line.rstrip("\n").split("\t")[:2] for line in open(pairs, encoding="utf-8")] if pairs else []
        self.queue = []

    def round(self):
        r = self.random
        clusters = []
        for rows in self.names.values():
            rows = [x for x in rows if r.random() < self.keep.get(x[2], 1.0)]
            r.shuffle(rows)
            clusters += [rows[i : i + 8] for i in range(0, len(rows), 8)]
        full = [c for c in clusters if len(c) >= 4]
        loose = [[x] for c in clusters if len(c) < 4 for x in c]
        pairs = [[(None, said, meant)] for said, meant in self.pairs]
        everything = full + loose + pairs
        r.shuffle(everything)
        batch = []
        for cluster in everything:
            for code, name, kind in cluster:
                if code is None:
                    batch.append((code, name, kind))
                else:
                    batch.append((code, self.said(name), self.meant(code, name)))
            if len(batch) >= self.size:
                self.queue.append(batch[: self.size])
                batch = batch[self.size :]

    def said(self, name):
        r = self.random.random()
        if r < 0.5:
            return name
        return name.lower() if r < 0.8 else name.lower().replace(",", " ").replace("(", " ").replace(")", " ")

    def meant(self, code, name):
        """The title, or sometimes the title with another name of the code, as it is indexed."""
        title = self.titles.get(code, name)
        others = [n for c, n, k in self.names.get(code[:3], []) if c == code and n != name and k == "inclusion"]
        if others and self.random.random() < 0.5:
            return f"{title}; {self.random.choice(others)}"
        if others and self.random.random() < 0.2:
            return self.random.choice(others)
        return title

    def next(self):
        while not self.queue:
            self.round()
        return self.queue.pop()


def related(batch):
    """Where one pair's name would also be right for another: the same code, one above or below, or the same target."""
    n = len(batch)
    out = np.zeros((n, n), bool)
    for i, (a, _, left) in enumerate(batch):
        for j, (b, _, right) in enumerate(batch):
            if i != j:
                kin = a is not None and b is not None and (a.startswith(b) or b.startswith(a))
                out[i, j] = kin or left == right
    return out


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--model", required=True)
    arguments.add_argument("--names", required=True)
    arguments.add_argument("--pairs")
    arguments.add_argument("--out", required=True)
    arguments.add_argument("--steps", type=int, default=900)
    arguments.add_argument("--batch", type=int, default=128)
    arguments.add_argument("--rate", type=float, default=1e-4)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()

    weights = {k: v for k, v in load_file(f"{given.model}/model.safetensors").items() if v.dtype == np.float32}
    tokenizer = Tokenizer.from_file(f"{given.model}/tokenizer.json")
    tokenizer.enable_truncation(LONGEST)
    tokenizer.no_padding()

    def padded(ids, length):
        out, mask = np.zeros((len(ids), length), np.int32), np.zeros((len(ids), length), np.float32)
        for row, one in enumerate(ids):
            out[row, : len(one)], mask[row, : len(one)] = one, 1
        return out, mask

    def tokens(texts):
        # Most names are short; padding them to the longest would double the work.
        ids = [e.ids for e in tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        middle = len(ids) * 3 // 4
        back = np.empty(len(ids), np.int32)
        back[order] = np.arange(len(ids))
        # Two lengths, so that few programs are compiled.
        short = 16 if len(ids[order[middle - 1]]) <= 16 else LONGEST
        return padded([ids[i] for i in order[:middle]], short), padded([ids[i] for i in order[middle:]], LONGEST), back

    schedule = optax.warmup_cosine_decay_schedule(0.0, given.rate, given.steps // 15, given.steps, given.rate / 50)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=0.01))
    state = optimizer.init(weights)

    @jax.jit
    def step(weights, state, left, right, kin):
        value, gradient = jax.value_and_grad(loss)(weights, left, right, kin)
        updates, state = optimizer.update(gradient, state, weights)
        return optax.apply_updates(weights, updates), state, value

    batches = Batches(given.names, given.pairs, given.batch, given.seed)
    started, mean = time.time(), None
    for number in range(1, given.steps + 1):
        batch = batches.next()
        left, right = tokens([b[1] for b in batch]), tokens([b[2] for b in batch])
        weights, state, value = step(weights, state, left, right, related(batch))
        mean = float(value) if mean is None else 0.98 * mean + 0.02 * float(value)
        if number % 20 == 0:
            print(f"step {number} loss {mean:.3f} {time.time() - started:.0f} s", flush=True)
        if number % 100 == 0 or number == given.steps:
            save_file({k: np.asarray(v) for k, v in weights.items()}, given.out)


if __name__ == "__main__":
    main()
