-- Categories of risk adjustment models into which a diagnosis falls. counts: whether the model counts it for the payment
-- year; null where the file does not say.
CREATE TABLE hcc (
    edition  INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code     TEXT NOT NULL,
    ord      INTEGER NOT NULL,
    model    TEXT NOT NULL,
    category TEXT NOT NULL,
    counts   INTEGER,
    PRIMARY KEY (edition, code, model)
) WITHOUT ROWID;

-- ICD-10-PCS tables. A value of one of the seven characters: of the first three in the table as a whole (line 0), of the
-- others in one of its lines, of which each says which values go together.
CREATE TABLE pcs_value (
    edition  INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    tab      TEXT NOT NULL,
    line     INTEGER NOT NULL,
    position INTEGER NOT NULL,
    value    TEXT NOT NULL,
    ord      INTEGER NOT NULL,
    label    TEXT NOT NULL,
    PRIMARY KEY (edition, tab, line, position, value)
) WITHOUT ROWID;
-- What a position of a table is called (Body Part, Approach ...), and what the table's operation is.
CREATE TABLE pcs_axis (
    edition    INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    tab        TEXT NOT NULL,
    line       INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    title      TEXT NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (edition, tab, line, position)
) WITHOUT ROWID;
-- Definitions of the values of a section's characters, by the value's name.
CREATE TABLE pcs_definition (
    edition     INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    ord         INTEGER NOT NULL,
    section     TEXT NOT NULL,
    position    INTEGER NOT NULL,
    axis        TEXT NOT NULL,
    name        TEXT NOT NULL,
    definition  TEXT NOT NULL,
    explanation TEXT NOT NULL,
    includes    TEXT NOT NULL,
    PRIMARY KEY (edition, ord)
) WITHOUT ROWID;
CREATE INDEX pcs_definition_name ON pcs_definition (edition, section, position, name);
