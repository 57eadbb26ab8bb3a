-- Times are milliseconds since 1970 (UTC). No column holds what a person typed, but for those called `sealed`
-- (encrypted; only where a key is configured), `gap.text` (only where it is configured and nobody could be recognised by
-- it) and `feedback.reason` (the same).

CREATE TABLE claim (
    key      TEXT PRIMARY KEY,
    platform TEXT NOT NULL,
    owner    TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    -- 0 taken, 1 being posted, 2 done
    stage    INTEGER NOT NULL,
    taken    INTEGER NOT NULL,
    until    INTEGER NOT NULL,
    address  BLOB,
    sealed   BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_open ON claim (platform, until) WHERE stage < 2;
CREATE INDEX claim_taken ON claim (taken);

CREATE TABLE settings (
    channel TEXT PRIMARY KEY,
    value   TEXT NOT NULL,
    changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE turn (
    id      INTEGER PRIMARY KEY,
    thread  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    sealed  BLOB NOT NULL
) STRICT;
CREATE INDEX turn_thread ON turn (thread, id);
CREATE INDEX turn_at ON turn (at);

CREATE TABLE answer (
    id      TEXT PRIMARY KEY,
    at      INTEGER NOT NULL,
    sealed  BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_at ON answer (at);

CREATE TABLE feedback (
    answer   TEXT NOT NULL,
    person   BLOB NOT NULL,
    at       INTEGER NOT NULL,
    platform TEXT NOT NULL,
    intent   TEXT NOT NULL,
    verdict  TEXT NOT NULL,
    helpful  INTEGER NOT NULL,
    reason   TEXT,
    PRIMARY KEY (answer, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX feedback_at ON feedback (at);

CREATE TABLE usage (
    day      INTEGER NOT NULL,
    platform TEXT NOT NULL,
    intent   TEXT NOT NULL,
    verdict  TEXT NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (day, platform, intent, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE gap (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    platform TEXT NOT NULL,
    intent   TEXT NOT NULL,
    topic    TEXT NOT NULL,
    shapes   TEXT NOT NULL,
    text     TEXT
) STRICT;
CREATE INDEX gap_at ON gap (at);
