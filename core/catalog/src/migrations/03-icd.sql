-- The ICD family. Codes are stored without their dot, in upper case; dates are ISO 8601 text.

-- The title in at most 60 characters, which order files have beside the long one.
ALTER TABLE code ADD COLUMN short TEXT;

-- Alphabetic indexes and tables of neoplasms and drugs. plain is the path as it is looked up: lower case, without
-- punctuation, accents and nonessential modifiers.
CREATE TABLE index_term (
    edition  INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    ord      INTEGER NOT NULL,
    parent   INTEGER,
    level    INTEGER NOT NULL,
    title    TEXT NOT NULL,
    path     TEXT NOT NULL,
    plain    TEXT NOT NULL,
    see      TEXT,
    see_also TEXT,
    PRIMARY KEY (edition, ord)
) WITHOUT ROWID;
CREATE INDEX index_term_plain ON index_term (edition, plain);
CREATE INDEX index_term_parent ON index_term (edition, parent);
-- role: code, manifestation, category, subcategory, or cell with the column of its heading (0 for the others). code is
-- null where the publisher printed words.
CREATE TABLE index_code (
    edition    INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    ord        INTEGER NOT NULL,
    place      INTEGER NOT NULL,
    role       TEXT NOT NULL,
    col        INTEGER NOT NULL,
    code       TEXT,
    incomplete INTEGER NOT NULL,
    printed    TEXT NOT NULL,
    PRIMARY KEY (edition, ord, place)
) WITHOUT ROWID;
CREATE INDEX index_code_code ON index_code (edition, code);
CREATE TABLE index_heading (
    edition INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    col     INTEGER NOT NULL,
    heading TEXT NOT NULL,
    PRIMARY KEY (edition, col)
) WITHOUT ROWID;

-- General equivalence mappings; target is null where the other system has no code (the flag "no map").
CREATE TABLE gem (
    edition     INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    source      TEXT NOT NULL,
    ord         INTEGER NOT NULL,
    target      TEXT,
    approximate INTEGER NOT NULL,
    combination INTEGER NOT NULL,
    scenario    INTEGER NOT NULL,
    choice      INTEGER NOT NULL,
    PRIMARY KEY (edition, source, ord)
) WITHOUT ROWID;
CREATE INDEX gem_target ON gem (edition, target);

-- Conversion table: when a code was added, and what was assigned before. The codes in that text are in conversion_span:
-- one code, or a range from first through last with all codes below last.
CREATE TABLE conversion (
    edition   INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code      TEXT NOT NULL,
    ord       INTEGER NOT NULL,
    effective TEXT NOT NULL,
    previous  TEXT NOT NULL,
    PRIMARY KEY (edition, code, ord)
) WITHOUT ROWID;
CREATE TABLE conversion_span (
    edition INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    first   TEXT NOT NULL,
    last    TEXT,
    code    TEXT NOT NULL,
    ord     INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    PRIMARY KEY (edition, first, code, ord, place)
) WITHOUT ROWID;

-- Exempt from present-on-admission reporting: the whole list (entry = exempt), or its changes.
CREATE TABLE poa_exempt (
    edition INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code    TEXT NOT NULL,
    entry   TEXT NOT NULL,
    title   TEXT NOT NULL,
    PRIMARY KEY (edition, code, entry)
) WITHOUT ROWID;

-- Addenda of order and code files, in printed order.
CREATE TABLE code_change (
    edition  INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    ord      INTEGER NOT NULL,
    action   TEXT NOT NULL,
    code     TEXT NOT NULL,
    billable INTEGER,
    short    TEXT,
    title    TEXT NOT NULL,
    PRIMARY KEY (edition, ord)
) WITHOUT ROWID;
CREATE INDEX code_change_code ON code_change (edition, code);
