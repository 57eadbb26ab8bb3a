"""What official files call each ICD-10-CM code: the pairs that a model is trained on.

    python names.py --tabular icd10c-tabular.xml --order icd10cm-order-2026.txt \
        --index icd10cm_index.xml --index icd10cm_eindex.xml --drugs icd10cm_drug.xml --neoplasms icd10cm_neoplasm.xml \
        > names.jsonl

One line for each name: {"code", "name", "kind", "held"}. `kind` is title, inclusion, index, drug or neoplasm; `held` marks
the names that no model sees while it is trained and no index holds while it is measured (a twentieth, by a hash of the name,
so that every run and every program picks the same ones).
"""

import argparse
import hashlib
import json
import re
import sys
import xml.etree.ElementTree as ET

# A subterm that begins so follows its main term; any other comes before it: "Abscess, brain, amebic" is an "amebic brain
# abscess", "Anemia, due to blood loss" stays in that order.
FOLLOWS = re.compile(
    r"^(due to|with|without|in|of|by|from|following|after|during|complicating|associated|for|to|on|at|affecting|caused|"
    r"resulting|secondary|as|involving|the|or|and|see)\b"
)
SILENT = re.compile(r"\b(NEC|NOS)\b|,?\s*\bunspecified\b")


def plain(code):
    return code.replace(".", "").replace("-", "").strip().upper()


def held(name):
    """Whether a name is kept out of training and out of the measured index."""
    words = " ".join(re.findall(r"[a-z0-9]+", name.lower()))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "big") % 20 == 0


def text_of(element):
    """A title without its nonessential modifiers, and those modifiers."""
    modifiers = [
        m.strip()
        for n in element.iter("nemod")
        for m in re.findall(r"\(([^()]*)\)", n.text or "")
    ]
    own = (element.text or "") + "".join(n.tail or "" for n in element.iter("nemod"))
    own = SILENT.sub("", own)
    return " ".join(own.split()).strip(" ,"), modifiers


def tabular(path):
    tree = ET.parse(path)
    for diag in tree.iter("diag"):
        code = plain(diag.findtext("name"))
        yield code, diag.findtext("desc"), "title"
        for child in ("inclusionTerm", "includes"):
            for block in diag.findall(child):
                for note in block.findall("note"):
                    yield code, "".join(note.itertext()).strip(), "inclusion"


def spoken(path):
    """An index path as one says it."""
    said = path[0].split(", ")[0] if "," in path[0] else path[0]
    for term in path[1:]:
        said = f"{said} {term}" if FOLLOWS.match(term) else f"{term} {said}"
    return said


def index(paths):
    """Index entries with their codes, cross-references followed where they lead to exactly one entry."""
    entries = {}
    references = []

    def walk(element, path, kind):
        title, modifiers = text_of(element.find("title"))
        path = path + [title]
        code = element.findtext("code")
        if code:
            entries[tuple(p.lower() for p in path)] = (plain(code), path, modifiers)
        for tag in ("see", "seeAlso"):
            target = element.findtext(tag)
            if target and not code and tag == "see":
                references.append((path, SILENT.sub("", target).strip(" ,")))
        for term in element.findall("term"):
            walk(term, path, kind)

    for path in paths:
        for main in ET.parse(path).iter("mainTerm"):
            walk(main, [], "index")
    by_words = {}
    for key, value in entries.items():
        by_words.setdefault(", ".join(key), value)
    for path, target in references:
        found = by_words.get(target.lower())
        if found:
            entries.setdefault(tuple(p.lower() for p in path), (found[0], path, []))
    for code, path, modifiers in entries.values():
        said = spoken(path)
        yield code, said, "index"
        # Nonessential modifiers may be said or not: say the first one sometimes.
        if modifiers and 2 < len(modifiers[0]) < 25 and modifiers[0][0] not in "-'":
            yield code, f"{modifiers[0]} {said}", "index"


COLUMNS = {
    "2": "poisoning by {} accidental",
    "3": "poisoning by {} intentional self-harm",
    "6": "adverse effect of {}",
    "7": "underdosing of {}",
}
NEOPLASM = {
    "2": "malignant neoplasm of {}",
    "3": "secondary malignant neoplasm of {}",
    "4": "carcinoma in situ of {}",
    "5": "benign neoplasm of {}",
    "6": "neoplasm of uncertain behavior of {}",
}


def table(path, columns, kind):
    def walk(element, above):
        title, _ = text_of(element.find("title"))
        said = f"{title} {above}".strip() if above and not FOLLOWS.match(title) else f"{above} {title}".strip()
        for cell in element.findall("cell"):
            column = columns.get(cell.get("col"))
            code = plain(cell.text or "")
            if column and len(code) > 2 and code[0].isalpha():
                yield code, column.format(said), kind
        for term in element.findall("term"):
            yield from walk(term, "" if said.lower() == "neoplasm" else said)

    for main in ET.parse(path).iter("mainTerm"):
        yield from walk(main, "")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--tabular", required=True)
    arguments.add_argument("--order", required=True)
    arguments.add_argument("--index", action="append", default=[])
    arguments.add_argument("--drugs")
    arguments.add_argument("--neoplasms")
    given = arguments.parse_args()

    codes = {}
    for line in open(given.order, encoding="utf-8"):
        codes[line[6:14].strip()] = line[77:].strip()

    def current(code):
        """The code, or the nearest one above it that exists in the edition of the order file."""
        code = code.rstrip("X") if code not in codes else code
        while len(code) >= 3 and code not in codes:
            code = code[:-1]
        return code if code in codes else None

    seen = set()
    for code, name, kind in [
        *tabular(given.tabular),
        *index(given.index),
        *(table(given.drugs, COLUMNS, "drug") if given.drugs else ()),
        *(table(given.neoplasms, NEOPLASM, "neoplasm") if given.neoplasms else ()),
    ]:
        code = current(code)
        name = " ".join(name.split())
        if code and 2 < len(name) < 160 and (code, name.lower()) not in seen:
            seen.add((code, name.lower()))
            row = {"code": code, "name": name, "kind": kind, "held": kind in ("inclusion", "index") and held(name)}
            json.dump(row, sys.stdout)
            print()


if __name__ == "__main__":
    main()
