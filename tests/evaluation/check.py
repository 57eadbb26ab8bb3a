"""Checks the evaluation sets against the official files; see README.md. Exit status 1 when something is wrong."""

import io, json, os, re, sys, zipfile
from pathlib import Path

HERE = Path(__file__).parent
DATA = Path(os.environ.get("CASEBOOK_SHARED", HERE.parents[2] / "shared")) / "data" / "icd10cm"
if not DATA.is_dir():
    print("skipped: no", DATA)
    sys.exit(0)
faults, seen, counts = [], {}, {}

with zipfile.ZipFile(DATA / "icd10cm-code-descriptions-2026.zip") as z:
    name = next(n for n in z.namelist() if re.search(r"order-2026\.txt$", n))
    lines = io.TextIOWrapper(z.open(name), "latin-1").read().splitlines()
titles = {line[6:13].strip(): line[77:].strip() for line in lines}


def norm(text):
    return re.sub(r"\s+", " ", text.translate(str.maketrans("’‘“”", "''\"\""))).strip()


def sections():
    """The guideline text by section, each with everything below it; None without pypdf.

    Headings are recognised by order: `b.` opens a section only where `a.` is open, `2)` only after `1)`.
    """
    try:
        from pypdf import PdfReader
    except ImportError:
        return None
    pages = PdfReader(DATA / "ICD-10-CM-October-2025-Guidelines.pdf").pages
    text = "\n".join(p.extract_text() for p in pages).split("\n")
    start = next(i for i, l in enumerate(text) if l.startswith("Section I. Conv") and "...." not in l)
    stop = next(i for i, l in enumerate(text) if i > start and l.strip() == "Appendix I")
    roman = "i ii iii iv v vi vii viii ix x".split()
    path, found = [], {}

    def label(level):
        return path[level] if len(path) > level else None

    def opens(level, mark, follows):
        """Whether `mark` is the next one at `level`; `path` is filled with None for levels skipped."""
        old = label(level)
        if follows(old, mark):
            del path[level:]
            path.extend([None] * (level - len(path)) + [mark])
            return True
        return False

    letter = lambda first: lambda old, new: ord(new) == ord(old) + 1 if old else new == first
    number = lambda old, new: int(new) == (int(old) if old else 0) + 1
    for line in text[start:stop]:
        s = line.strip()
        if not s or s == "FY 2026" or re.match(r"Page \d+ of 121$", s) or s == "ICD-10-CM Official Guidelines for Coding and Reporting":
            continue
        if m := re.match(r"Section (I|II|III|IV)\. ", s):
            path[:] = [m[1]]
        elif m := re.match(r"([A-Z])\. ", s):
            opens(1, m[1], letter("A"))
        elif label(1) and (m := re.match(r"(\d+)\. [A-Z“7]", s)):
            if path[:2] != ["I", "C"] or "Chapter" in s:
                opens(2, m[1], number)
        elif label(2) and path[0] == "I" and (m := re.match(r"([a-z])\. +\S", s)):
            opens(3, m[1], letter("a"))
        elif label(3) and (m := re.match(r"(\d+)\) ", s)):
            opens(4, m[1], number)
        elif label(4) and (m := re.match(r"\(([a-z]+)\) ?", s)):
            if not (len(m[1]) == 1 and opens(5, m[1], letter("a"))) and label(5) and m[1] in roman:
                opens(6, m[1], lambda old, new: roman.index(new) == (roman.index(old) + 1 if old else 0))
        for depth in range(1, len(path) + 1):
            found.setdefault(".".join(path[:depth]), []).append(s)
    return {k: norm(" ".join(v)) for k, v in found.items()}


def code_known(code, where):
    if code.replace(".", "") not in titles:
        faults.append(f"{where}: no code {code}")


guideline = sections()
if guideline is None:
    print("skipped: fragments (pypdf is not installed)")
for path in sorted(HERE.glob("*.tsv")):
    for n, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        where, cells = f"{path.name}:{n}", line.split("\t")
        counts[path.name] = counts.get(path.name, 0) + 1
        if len(cells) != (2 if "answerable" in path.name else 3) or not all(cells):
            faults.append(f"{where}: {len(cells)} columns")
            continue
        key = cells[0].lower().strip()
        if key in seen:
            faults.append(f"{where}: also {seen[key]}")
        seen[key] = where
        if path.name.startswith(("everyday", "clinical")):
            for code in cells[1].split(","):
                code_known(code, where)
            if "--titles" in sys.argv:
                print(cells[0], "|", "; ".join(f"{c} {titles.get(c.replace('.', ''))}" for c in cells[1].split(",")))
        if path.name.startswith("guidelines") and guideline:
            listed, fragments = cells[1].split(","), [norm(f) for f in cells[2].split(" / ")]
            for s in listed:
                if not any(f in guideline.get(s, "") for f in fragments):
                    faults.append(f"{where}: no fragment in {s}")
            for f in fragments:
                if not any(f in guideline.get(s, "") for s in listed) or not 3 <= len(f.split()) <= 8:
                    faults.append(f"{where}: fragment {f!r}")
for path in sorted(HERE.glob("*.jsonl")):
    for n, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        where, case = f"{path.name}:{n}", json.loads(line)
        counts[path.name] = counts.get(path.name, 0) + 1
        for codes in case["codes"] + [x["codes"] for x in case["not_codes"]]:
            for code in codes:
                code_known(code, where)
        for item in case["identifiers"]:
            if case["text"].count(item["text"]) != 1:
                faults.append(f"{where}: identifier {item['kind']}")
        if not 60 <= len(case["text"].split()) <= 250:
            faults.append(f"{where}: length")
for name in counts:
    if ".tune." in name and abs(counts[name] - counts[name.replace(".tune.", ".held.")]) > 1:
        faults.append(f"{name}: halves differ")
print(counts)
print("\n".join(faults) or "no faults")
sys.exit(1 if faults else 0)
