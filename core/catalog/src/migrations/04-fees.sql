-- HCPCS Level II, the fee schedule, and licensed CPT text. Figures are decimal text, exactly as printed; lists within a
-- field are separated by ';'.
CREATE TABLE hcpcs (
    edition         INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code            TEXT NOT NULL,
    -- A modifier's long text; a code's is its title in `code`.
    long            TEXT NOT NULL,
    short           TEXT NOT NULL,
    pricing         TEXT NOT NULL,
    multiple        TEXT NOT NULL,
    cim             TEXT NOT NULL,
    mcm             TEXT NOT NULL,
    statute         TEXT NOT NULL,
    lab             TEXT NOT NULL,
    xref            TEXT NOT NULL,
    coverage        TEXT NOT NULL,
    asc_group       TEXT NOT NULL,
    asc_date        TEXT,
    opps            TEXT NOT NULL,
    opps_indicator  TEXT NOT NULL,
    opps_date       TEXT,
    note            TEXT NOT NULL,
    betos           TEXT NOT NULL,
    types           TEXT NOT NULL,
    units           INTEGER,
    added           TEXT,
    effective       TEXT,
    terminated      TEXT,
    action          TEXT NOT NULL,
    PRIMARY KEY (edition, code)
) WITHOUT ROWID;
CREATE TABLE modifier (
    edition         INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code            TEXT NOT NULL,
    long            TEXT NOT NULL,
    short           TEXT NOT NULL,
    pricing         TEXT NOT NULL,
    multiple        TEXT NOT NULL,
    cim             TEXT NOT NULL,
    mcm             TEXT NOT NULL,
    statute         TEXT NOT NULL,
    lab             TEXT NOT NULL,
    xref            TEXT NOT NULL,
    coverage        TEXT NOT NULL,
    asc_group       TEXT NOT NULL,
    asc_date        TEXT,
    opps            TEXT NOT NULL,
    opps_indicator  TEXT NOT NULL,
    opps_date       TEXT,
    note            TEXT NOT NULL,
    betos           TEXT NOT NULL,
    types           TEXT NOT NULL,
    units           INTEGER,
    added           TEXT,
    effective       TEXT,
    terminated      TEXT,
    action          TEXT NOT NULL,
    PRIMARY KEY (edition, code)
) WITHOUT ROWID;
CREATE TABLE hcpcs_note (
    edition INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    number  TEXT NOT NULL,
    text    TEXT NOT NULL,
    PRIMARY KEY (edition, number)
) WITHOUT ROWID;
CREATE TABLE hcpcs_noc (
    edition    INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code       TEXT NOT NULL,
    long       TEXT NOT NULL,
    added      TEXT,
    terminated TEXT,
    PRIMARY KEY (edition, code)
) WITHOUT ROWID;
CREATE TABLE relative_value (
    edition              INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code                 TEXT NOT NULL,
    modifier             TEXT NOT NULL,
    status               TEXT NOT NULL,
    not_used             INTEGER NOT NULL,
    work                 TEXT NOT NULL,
    pe_non_facility      TEXT NOT NULL,
    na_non_facility      INTEGER NOT NULL,
    pe_facility          TEXT NOT NULL,
    na_facility          INTEGER NOT NULL,
    mp                   TEXT NOT NULL,
    total_non_facility   TEXT NOT NULL,
    total_facility       TEXT NOT NULL,
    pctc                 TEXT NOT NULL,
    global               TEXT NOT NULL,
    pre                  TEXT NOT NULL,
    intra                TEXT NOT NULL,
    post                 TEXT NOT NULL,
    multiple             TEXT NOT NULL,
    bilateral            TEXT NOT NULL,
    assistant            TEXT NOT NULL,
    co_surgeons          TEXT NOT NULL,
    team                 TEXT NOT NULL,
    pricing              TEXT NOT NULL,
    endoscopic_base      TEXT NOT NULL,
    conversion_factor    TEXT NOT NULL,
    supervision          TEXT NOT NULL,
    calculation_flag     TEXT NOT NULL,
    imaging_family       TEXT NOT NULL,
    opps_pe_non_facility TEXT NOT NULL,
    opps_pe_facility     TEXT NOT NULL,
    opps_mp              TEXT NOT NULL,
    PRIMARY KEY (edition, code, modifier)
) WITHOUT ROWID;
CREATE TABLE gpci (
    edition    INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    contractor TEXT NOT NULL,
    locality   TEXT NOT NULL,
    state      TEXT NOT NULL,
    name       TEXT NOT NULL,
    work       TEXT NOT NULL,
    pe         TEXT NOT NULL,
    mp         TEXT NOT NULL,
    note       TEXT NOT NULL,
    PRIMARY KEY (edition, contractor, locality)
) WITHOUT ROWID;
-- A locality may stand in two rows, so that the printed order is the key.
CREATE TABLE locality (
    edition    INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    ord        INTEGER NOT NULL,
    contractor TEXT NOT NULL,
    locality   TEXT NOT NULL,
    state      TEXT NOT NULL,
    area       TEXT NOT NULL,
    counties   TEXT NOT NULL,
    PRIMARY KEY (edition, ord)
) WITHOUT ROWID;
-- The national factor has an empty contractor and locality.
CREATE TABLE anesthesia (
    edition    INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    contractor TEXT NOT NULL,
    locality   TEXT NOT NULL,
    name       TEXT NOT NULL,
    factor     TEXT NOT NULL,
    qualifying TEXT,
    PRIMARY KEY (edition, contractor, locality)
) WITHOUT ROWID;
CREATE TABLE opps_cap (
    edition      INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code         TEXT NOT NULL,
    modifier     TEXT NOT NULL,
    contractor   TEXT NOT NULL,
    locality     TEXT NOT NULL,
    status       TEXT NOT NULL,
    facility     TEXT NOT NULL,
    non_facility TEXT NOT NULL,
    PRIMARY KEY (edition, code, modifier, contractor, locality)
) WITHOUT ROWID;
-- A licence that somebody declared to hold before licensed text was loaded, in their own name.
CREATE TABLE licence (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    what         TEXT NOT NULL,
    holder       TEXT NOT NULL CHECK (trim(holder) <> ''),
    acknowledged TEXT NOT NULL,
    statement    TEXT NOT NULL CHECK (trim(statement) <> '')
);
-- Under which licence an edition of licensed text was loaded, and the year of its copyright notice.
CREATE TABLE cpt_edition (
    edition   INTEGER PRIMARY KEY REFERENCES edition (id) ON DELETE CASCADE,
    licence   INTEGER NOT NULL REFERENCES licence (id),
    copyright INTEGER
);
-- The edition's part says which form: long, medium or short.
CREATE TABLE cpt_text (
    edition INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    code    TEXT NOT NULL,
    text    TEXT NOT NULL,
    PRIMARY KEY (edition, code)
) WITHOUT ROWID;
CREATE TABLE cpt_modifier (
    edition  INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    modifier TEXT NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (edition, modifier)
) WITHOUT ROWID;
