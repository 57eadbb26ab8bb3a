-- Editions of every kind of release. Dates are ISO 8601 text; codes are stored without their dot.
-- Version 1 knew one kind of edition and held only the starter corpus, which is loaded again.
DROP TABLE note;
DROP TABLE seventh;
DROP TABLE code;
DROP TABLE memory;
DROP TABLE edition;
CREATE TABLE edition (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT NOT NULL,
    setting   TEXT,
    source    TEXT NOT NULL,
    edition   TEXT NOT NULL,
    effective TEXT NOT NULL,
    through   TEXT,
    part      TEXT NOT NULL,
    url       TEXT NOT NULL,
    file      TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    rows      INTEGER NOT NULL,
    UNIQUE (kind, sha256, part)
);
-- level: 0 chapter, 1 section, 2 printed in the list, 3 extended by its 7th character.
CREATE TABLE code (
    edition  INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code     TEXT NOT NULL,
    parent   TEXT,
    ord      INTEGER NOT NULL,
    title    TEXT NOT NULL,
    level    INTEGER NOT NULL,
    billable INTEGER NOT NULL,
    PRIMARY KEY (edition, code)
) WITHOUT ROWID;
CREATE INDEX code_parent ON code (edition, parent);
CREATE TABLE note (
    edition INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code    TEXT NOT NULL,
    ord     INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    text    TEXT NOT NULL,
    PRIMARY KEY (edition, code, ord)
) WITHOUT ROWID;
CREATE TABLE seventh (
    edition   INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code      TEXT NOT NULL,
    ord       INTEGER NOT NULL,
    character TEXT NOT NULL,
    meaning   TEXT NOT NULL,
    PRIMARY KEY (edition, code, ord)
) WITHOUT ROWID;
-- What Casebook keeps for itself, e.g. the fingerprint of a finished index.
CREATE TABLE memory (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
