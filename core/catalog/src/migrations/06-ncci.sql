-- NCCI edits. Dates of rows are integers, 20260701 for 2026-07-01: a full set has millions of rows.
-- The few different reasons of millions of PTP edits, across editions; rows refer to them by number.
CREATE TABLE ptp_rationale (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
);
-- The first and last column 1 code of a loaded part: only there is "no such row" an answer.
CREATE TABLE ptp_part (
    edition INTEGER PRIMARY KEY REFERENCES edition (id) ON DELETE CASCADE,
    first   TEXT NOT NULL,
    last    TEXT NOT NULL
);
CREATE TABLE ptp (
    edition    INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    column1    TEXT NOT NULL,
    column2    TEXT NOT NULL,
    effective  INTEGER NOT NULL,
    deletion   INTEGER,
    indicator  INTEGER NOT NULL,
    prior_1996 INTEGER NOT NULL,
    rationale  INTEGER NOT NULL,
    PRIMARY KEY (edition, column1, column2, effective)
) WITHOUT ROWID;
-- From column 2 to column 1. A table and not an index, because it is written in its own order once an edition's rows
-- are all there: an index would take them in column 1's order, each at another place.
CREATE TABLE ptp_reverse (
    edition INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    column2 TEXT NOT NULL,
    column1 TEXT NOT NULL,
    PRIMARY KEY (edition, column2, column1)
) WITHOUT ROWID;
CREATE TABLE mue (
    edition           INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code              TEXT NOT NULL,
    value             INTEGER NOT NULL,
    adjudication      INTEGER NOT NULL,
    adjudication_text TEXT NOT NULL,
    rationale         TEXT NOT NULL,
    PRIMARY KEY (edition, code)
) WITHOUT ROWID;
CREATE TABLE addon (
    edition          INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code             TEXT NOT NULL,
    primary_code     TEXT NOT NULL,
    effective        INTEGER NOT NULL,
    deletion         INTEGER,
    code_deletion    INTEGER,
    primary_deletion INTEGER,
    type             INTEGER NOT NULL,
    notes            TEXT NOT NULL,
    PRIMARY KEY (edition, code, primary_code, effective)
) WITHOUT ROWID;
CREATE INDEX addon_primary ON addon (edition, primary_code);
