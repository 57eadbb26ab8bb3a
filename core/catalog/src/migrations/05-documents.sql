-- Text that is quoted: guidelines, manuals, documents of the operator's, and coverage documents.
CREATE TABLE passage (
    edition  INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    ord      INTEGER NOT NULL,
    locator  TEXT NOT NULL,
    heading  TEXT NOT NULL,
    page     INTEGER,
    page_end INTEGER,
    text     TEXT NOT NULL,
    PRIMARY KEY (edition, ord)
) WITHOUT ROWID;
CREATE INDEX passage_locator ON passage (edition, locator, ord);
-- Every heading, also one with nothing but headings below it: a passage's place in its document is read from these.
CREATE TABLE heading (
    edition INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    ord     INTEGER NOT NULL,
    locator TEXT NOT NULL,
    text    TEXT NOT NULL,
    page    INTEGER,
    PRIMARY KEY (edition, ord)
) WITHOUT ROWID;
CREATE INDEX heading_locator ON heading (edition, locator, ord);

-- The coverage database. Each table of an export is an edition's part of its own; rows are joined by the document's kind
-- (lcd, article, ncd), number and version over all editions that hold on a date.
CREATE TABLE coverage_document (
    edition     INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL,
    document    INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    display     TEXT NOT NULL,
    title       TEXT NOT NULL,
    contractors TEXT NOT NULL,
    effective   TEXT,
    ended       TEXT,
    status      TEXT NOT NULL,
    url         TEXT NOT NULL,
    -- Its passages in table passage: from the first ord up to before the last.
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    PRIMARY KEY (edition, kind, document, version)
) WITHOUT ROWID;
CREATE INDEX coverage_document_display ON coverage_document (display);
CREATE INDEX coverage_document_version ON coverage_document (kind, document, version);
CREATE TABLE coverage_code (
    edition  INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    kind     TEXT NOT NULL,
    document INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    relation TEXT NOT NULL,
    grp      INTEGER NOT NULL,
    system   TEXT NOT NULL,
    code     TEXT NOT NULL,
    PRIMARY KEY (edition, kind, document, version, relation, grp, system, code)
) WITHOUT ROWID;
CREATE INDEX coverage_code_code ON coverage_code (code, system);
CREATE TABLE coverage_group (
    edition   INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    kind      TEXT NOT NULL,
    document  INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    relation  TEXT NOT NULL,
    system    TEXT NOT NULL,
    grp       INTEGER NOT NULL,
    paragraph TEXT NOT NULL,
    asterisk  TEXT NOT NULL,
    PRIMARY KEY (edition, kind, document, version, relation, system, grp)
) WITHOUT ROWID;
CREATE TABLE coverage_document_contractor (
    edition            INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    kind               TEXT NOT NULL,
    document           INTEGER NOT NULL,
    version            INTEGER NOT NULL,
    contractor         INTEGER NOT NULL,
    contractor_type    INTEGER NOT NULL,
    contractor_version INTEGER NOT NULL,
    PRIMARY KEY (edition, kind, document, version, contractor, contractor_type, contractor_version)
) WITHOUT ROWID;
CREATE TABLE coverage_document_state (
    edition  INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    kind     TEXT NOT NULL,
    document INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    PRIMARY KEY (edition, kind, document, version, state)
) WITHOUT ROWID;
CREATE TABLE coverage_contractor (
    edition            INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    contractor         INTEGER NOT NULL,
    contractor_type    INTEGER NOT NULL,
    contractor_version INTEGER NOT NULL,
    name               TEXT NOT NULL,
    number             TEXT NOT NULL,
    PRIMARY KEY (edition, contractor, contractor_type, contractor_version)
) WITHOUT ROWID;
CREATE TABLE coverage_contractor_state (
    edition            INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    contractor         INTEGER NOT NULL,
    contractor_type    INTEGER NOT NULL,
    contractor_version INTEGER NOT NULL,
    state              INTEGER NOT NULL,
    since              TEXT,
    until              TEXT,
    PRIMARY KEY (edition, contractor, contractor_type, contractor_version, state)
) WITHOUT ROWID;
CREATE TABLE coverage_state (
    edition      INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    state        INTEGER NOT NULL,
    abbreviation TEXT NOT NULL,
    name         TEXT NOT NULL,
    PRIMARY KEY (edition, state)
) WITHOUT ROWID;
CREATE TABLE coverage_related (
    edition       INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL,
    document      INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    other_kind     TEXT NOT NULL,
    other_document INTEGER NOT NULL,
    other_version  INTEGER NOT NULL,
    PRIMARY KEY (edition, kind, document, version, other_kind, other_document, other_version)
) WITHOUT ROWID;
CREATE INDEX coverage_related_other ON coverage_related (other_kind, other_document);
