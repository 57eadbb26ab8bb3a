"""Makes official files without a twentieth of their names, and the queries that those names are.

    python hold_out.py --names names.jsonl --tabular TABULAR.xml --index INDEX.xml --out FOLDER

`names.jsonl` comes from `embeddings/training/names.py`, which also says which names are held out: no model is trained on them.
The folder then holds `tabular.xml` and `index.xml` to be ingested, and `synonyms.tsv` for `casebook eval`: at most 1,000 queries of
each kind, drawn with a fixed seed. A name that stands elsewhere too, for a code above or below, is no query.
"""

import argparse
import json
import pathlib
import random
import re
import sys
import xml.etree.ElementTree as ET

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "embeddings/training"))
from names import held, spoken, text_of  # noqa: E402


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("names", "tabular", "index", "out"):
        arguments.add_argument(f"--{name}", required=True)
    given = arguments.parse_args()
    out = pathlib.Path(given.out)
    out.mkdir(parents=True, exist_ok=True)

    tabular = ET.parse(given.tabular)
    for diag in tabular.iter("diag"):
        for tag in ("inclusionTerm", "includes"):
            for block in diag.findall(tag):
                for note in block.findall("note"):
                    if held("".join(note.itertext()).strip()):
                        block.remove(note)
                if not block.findall("note"):
                    diag.remove(block)
    tabular.write(out / "tabular.xml", encoding="utf-8", xml_declaration=True)

    index = ET.parse(given.index)

    def strip(element, path):
        path = path + [text_of(element.find("title"))[0]]
        if held(spoken(path)):
            for tag in ("code", "manif", "see"):
                for found in element.findall(tag):
                    element.remove(found)
            # Its words in parentheses are a part of it.
            modifier = element.find("title").find("nemod")
            if modifier is not None:
                modifier.text = ""
        for term in element.findall("term"):
            strip(term, path)

    for main_term in index.iter("mainTerm"):
        strip(main_term, [])
    index.write(out / "index.xml", encoding="utf-8", xml_declaration=True)

    rows = [json.loads(line) for line in open(given.names, encoding="utf-8")]
    plain = lambda name: " ".join(sorted(re.findall(r"[a-z0-9]+", name.lower())))
    kept = {plain(row["name"]) for row in rows if not row["held"]}
    chance = random.Random(1)
    with open(out / "synonyms.tsv", "w", encoding="utf-8") as file:
        for kind in ("inclusion", "index"):
            found = sorted(
                (row["name"], row["code"])
                for row in rows
                if row["held"] and row["kind"] == kind and plain(row["name"]) not in kept
            )
            chance.shuffle(found)
            for name, code in found[:1000]:
                file.write(f"{name}\t{code}\t{kind}\n")


if __name__ == "__main__":
    main()
