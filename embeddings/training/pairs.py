"""Pairs of our own for `train.py`: sayings of the lexicon with official wording, and ways to ask with what the digest answers.

    python pairs.py > pairs.tsv

Names that are held out are left out on either side. Of chapter 20, which a script expanded, a part is drawn.
"""

import pathlib
import random
import tomllib

from names import held

CORE = pathlib.Path(__file__).parents[2] / "core"
# Lists that are no sayings with wording, and how many lines are drawn of one that would drown the others.
PHRASES = "phrases.tsv"
EXPANDED, DRAWN = "external_causes_factors.tsv", 5000


def main():
    draw = random.Random(3)
    for file in sorted(CORE.glob("lexicon/*.tsv")):
        if file.name == PHRASES:
            continue
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if "\t" in line and not line.startswith("#")]
        for line in draw.sample(lines, DRAWN) if file.name == EXPANDED else lines:
            said, meant = (part.strip() for part in line.split("\t")[:2])
            said = said.lstrip("=")
            if len(said) > 2 and not held(said) and not held(meant):
                print(f"{said}\t{meant}")
    for file in sorted(CORE.glob("digest/*.toml")):
        for entry in tomllib.loads(file.read_text(encoding="utf-8")).get("entry", []):
            for asked in entry.get("ask", []):
                # The beginning is all that is learnt of a text.
                print(f"{asked}\t{entry['title']}. {entry['text'][:160]}")


if __name__ == "__main__":
    main()
