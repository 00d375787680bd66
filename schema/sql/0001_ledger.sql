-- The ledger of one site. Written by one thread of the controller, read by anybody.
--
-- Rules that hold in every table:
--   * times are integers, milliseconds since 1970-01-01 UTC ("site time", which an accelerated
--     run may drive faster than the wall clock; run.wall_start_ms is the only wall time);
--   * an unknown value is NULL, never 0;
--   * powers are W, energies Wh, counters whole mWh, money in the currency of meta.
-- Tables that grow fast have their time first in the primary key: rows are appended at the end
-- and old ones are cut off at the front.

CREATE TABLE schema_migration (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    program_version TEXT NOT NULL,
    applied_wall_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One start of the controller. clean = 0: it was cut short, or runs at this moment.
CREATE TABLE run (
    run_id INTEGER PRIMARY KEY AUTOINCREMENT,
    version TEXT NOT NULL,
    wall_start_ms INTEGER NOT NULL,
    first_ms INTEGER,                       -- site time of its first and newest record
    last_ms INTEGER,
    clean INTEGER NOT NULL DEFAULT 0 CHECK (clean IN (0, 1))
) STRICT;

-- How far each rollup has come: everything before done_ms is in its table.
CREATE TABLE rollup_progress (
    level TEXT PRIMARY KEY,
    done_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Catalogues, seeded by the program at each start so that stored numbers can be joined to words.
CREATE TABLE reason (reason INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL) STRICT;
CREATE TABLE event_kind (
    kind INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    severity TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE quality (quality INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE series (series INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;

-- A device that takes another role is another device here: history keeps the role it had.
CREATE TABLE device (
    device_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    feeder_id INTEGER REFERENCES feeder,
    UNIQUE (name, role)
) STRICT;

CREATE TABLE feeder (
    feeder_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    limit_w REAL                            -- NULL: none
) STRICT;

CREATE TABLE point (
    point_id INTEGER PRIMARY KEY,
    device_id INTEGER NOT NULL REFERENCES device,
    kind TEXT NOT NULL,
    unit TEXT NOT NULL,
    class TEXT NOT NULL,
    configured INTEGER NOT NULL DEFAULT 1 CHECK (configured IN (0, 1)), -- in the newest run
    UNIQUE (device_id, kind)
) STRICT;

-- When the configuration had the point. A meter that is configured and silent makes the sums that
-- need it unknown; one that was not there yet, or is retired, does not.
CREATE TABLE point_use (
    point_id INTEGER NOT NULL REFERENCES point,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER,                       -- NULL: still configured
    PRIMARY KEY (point_id, since_ms)
) STRICT, WITHOUT ROWID;

-- Readings. A row is a new reading or a new verdict; a tick that saw neither leaves no row.
CREATE TABLE sample (
    at_ms INTEGER NOT NULL,                 -- tick that saw it
    point_id INTEGER NOT NULL,
    value REAL,                             -- NULL unless good or estimated
    quality INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    age_ms INTEGER,                         -- at_ms minus the source's time; NULL: never read
    PRIMARY KEY (at_ms, point_id)
) STRICT, WITHOUT ROWID;

-- Rollups over the GOOD readings of [start, start + step). Means of longer steps are weighted by
-- good_count, so that each reading counts once at every level.
CREATE TABLE sample_1min (
    start_ms INTEGER NOT NULL,
    point_id INTEGER NOT NULL,
    value_min REAL,
    value_max REAL,
    value_mean REAL,
    value_last REAL,
    reading_count INTEGER NOT NULL,
    good_count INTEGER NOT NULL,
    PRIMARY KEY (start_ms, point_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sample_15min (
    start_ms INTEGER NOT NULL,
    point_id INTEGER NOT NULL,
    value_min REAL,
    value_max REAL,
    value_mean REAL,
    value_last REAL,
    reading_count INTEGER NOT NULL,
    good_count INTEGER NOT NULL,
    PRIMARY KEY (start_ms, point_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sample_1h (
    start_ms INTEGER NOT NULL,
    point_id INTEGER NOT NULL,
    value_min REAL,
    value_max REAL,
    value_mean REAL,
    value_last REAL,
    reading_count INTEGER NOT NULL,
    good_count INTEGER NOT NULL,
    PRIMARY KEY (start_ms, point_id)
) STRICT, WITHOUT ROWID;

-- The truth about energy: counter values at both ends of every interval, kept for ever.
-- end_milliwh of an interval is start_milliwh of the next (v_meter_chain lists the breaks).
CREATE TABLE energy_interval (
    start_ms INTEGER NOT NULL,
    point_id INTEGER NOT NULL REFERENCES point,
    end_ms INTEGER NOT NULL,
    start_milliwh INTEGER NOT NULL,         -- unrolled: rollovers and resets added up
    end_milliwh INTEGER NOT NULL,
    raw_end_milliwh INTEGER NOT NULL,       -- as the device shows it
    coverage REAL NOT NULL,                 -- observed share of the interval, 0..1
    quality INTEGER NOT NULL REFERENCES quality,
    reason INTEGER NOT NULL REFERENCES reason,
    PRIMARY KEY (start_ms, point_id),
    CHECK (end_ms > start_ms)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX energy_interval_by_point ON energy_interval (point_id, start_ms);

-- Money, carbon and origin of one quarter hour, with the balance it rests on.
CREATE TABLE account_15min (
    start_ms INTEGER PRIMARY KEY,
    end_ms INTEGER NOT NULL,
    import_wh REAL, import_quality INTEGER NOT NULL, import_coverage REAL NOT NULL,
    export_wh REAL, export_quality INTEGER NOT NULL, export_coverage REAL NOT NULL,
    pv_wh REAL, pv_quality INTEGER NOT NULL, pv_coverage REAL NOT NULL,
    wind_wh REAL, wind_quality INTEGER NOT NULL, wind_coverage REAL NOT NULL,
    charge_wh REAL, charge_quality INTEGER NOT NULL, charge_coverage REAL NOT NULL,
    discharge_wh REAL, discharge_quality INTEGER NOT NULL, discharge_coverage REAL NOT NULL,
    facility_wh REAL, facility_quality INTEGER NOT NULL, facility_coverage REAL NOT NULL,
    it_wh REAL, it_quality INTEGER NOT NULL, it_coverage REAL NOT NULL,
    cooling_wh REAL, cooling_quality INTEGER NOT NULL, cooling_coverage REAL NOT NULL,
    auxiliary_wh REAL, auxiliary_quality INTEGER NOT NULL, auxiliary_coverage REAL NOT NULL,
    distribution_wh REAL, distribution_quality INTEGER NOT NULL,
    distribution_coverage REAL NOT NULL,
    reason INTEGER NOT NULL REFERENCES reason,
    price_per_mwh REAL,
    carbon_g_per_kwh REAL,
    cost REAL,                              -- import x price - export x export price
    carbon_g REAL,
    green_wh REAL
) STRICT;

-- PUE as the controller stated it. v_pue_15min and v_pue_day recompute it from the counters.
CREATE TABLE pue (
    period TEXT NOT NULL CHECK (period IN ('quarter', 'hour', 'day')),
    start_ms INTEGER NOT NULL,
    category INTEGER NOT NULL CHECK (category BETWEEN 1 AND 3),
    end_ms INTEGER NOT NULL,
    facility_wh REAL,
    it_wh REAL,
    value REAL,                             -- NULL: unknown
    coverage_pct REAL NOT NULL,
    interim INTEGER NOT NULL CHECK (interim IN (0, 1)),
    quality INTEGER NOT NULL REFERENCES quality,
    PRIMARY KEY (period, start_ms, category)
) STRICT, WITHOUT ROWID;

-- Forecasts as they were believed at issue_ms. Quarter-hour steps: all of the first 6 h, then the
-- one at each full hour. 66 of 192 steps answer what planning decided on (near) and what the day
-- was thought to bring (far); all of them would be two thirds of the database.
CREATE TABLE forecast_issue (
    issue_ms INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series,
    model TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    steps INTEGER NOT NULL,                 -- before thinning; 0: nothing was known
    PRIMARY KEY (issue_ms, series)
) STRICT, WITHOUT ROWID;

CREATE TABLE forecast (
    issue_ms INTEGER NOT NULL,
    series INTEGER NOT NULL,
    step_ms INTEGER NOT NULL,               -- start of the quarter hour it speaks of
    q05 REAL NOT NULL,
    q25 REAL NOT NULL,
    q50 REAL NOT NULL,
    q75 REAL NOT NULL,
    q95 REAL NOT NULL,
    PRIMARY KEY (issue_ms, series, step_ms)
) STRICT, WITHOUT ROWID;

-- What came: quarter-hour means.
CREATE TABLE forecast_history (
    step_ms INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series,
    value REAL NOT NULL,
    PRIMARY KEY (step_ms, series)
) STRICT, WITHOUT ROWID;

CREATE TABLE forecast_score (
    at_ms INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series,
    lead_h INTEGER NOT NULL,                -- forecasts up to so many hours ahead
    count INTEGER NOT NULL,
    mae REAL NOT NULL,
    bias REAL NOT NULL,
    pinball REAL NOT NULL,
    coverage REAL NOT NULL,                 -- share inside P5..P95
    PRIMARY KEY (at_ms, series, lead_h)
) STRICT, WITHOUT ROWID;

-- Plans that came into force. The issue time is the key: at most one plan is asked for in a tick.
CREATE TABLE plan (
    issue_ms INTEGER PRIMARY KEY,
    plan_id INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('none', 'complete', 'breaching')),
    objective REAL,
    bound REAL,
    gap REAL,
    energy_cost REAL, carbon_cost REAL, peak_cost REAL, wear_cost REAL, lateness_cost REAL,
    breach_cost REAL, delay_cost REAL, churn_cost REAL, end_value REAL,
    peak_import_w REAL,
    late_jobs INTEGER NOT NULL,
    solve_ms REAL
) STRICT;
CREATE INDEX plan_by_id ON plan (plan_id, issue_ms);

CREATE TABLE plan_slot (
    issue_ms INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    start_ms INTEGER NOT NULL,
    length_ms INTEGER NOT NULL,
    -- what the plan was made from
    pv_w REAL, wind_w REAL, fixed_w REAL, overhead_ratio REAL,
    price_import_per_mwh REAL, price_export_per_mwh REAL, carbon_g_per_kwh REAL,
    import_limit_w REAL, export_limit_w REAL, -- NULL: none
    -- what it decided
    import_w REAL, export_w REAL, pv_used_w REAL, wind_used_w REAL,
    charge_w REAL, discharge_w REAL, soc_end_wh REAL,
    facility_w REAL, breach_w REAL,         -- breach_w: import above the limit
    reserve_short_wh REAL,                  -- stored energy below the reserve at the end
    marginal_per_mwh REAL,
    battery_reason INTEGER NOT NULL REFERENCES reason,
    PRIMARY KEY (issue_ms, slot)
) STRICT, WITHOUT ROWID;

-- IT load of a slot by feeder: what is not planned, and the planned jobs.
CREATE TABLE plan_feeder (
    issue_ms INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    feeder_id INTEGER NOT NULL REFERENCES feeder,
    base_it_w REAL,
    it_jobs_w REAL,
    breach_w REAL,                          -- what is not planned exceeds the feeder's limit by
    PRIMARY KEY (issue_ms, slot, feeder_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE plan_job (
    issue_ms INTEGER NOT NULL,
    position INTEGER NOT NULL,              -- order of the problem
    job_id INTEGER NOT NULL,
    feeder_id INTEGER REFERENCES feeder,    -- NULL: does not run inside the horizon
    finish_ms INTEGER,                      -- NULL: beyond the horizon
    late INTEGER NOT NULL CHECK (late IN (0, 1)),
    reason INTEGER NOT NULL REFERENCES reason,
    PRIMARY KEY (issue_ms, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE plan_run (
    issue_ms INTEGER NOT NULL,
    position INTEGER NOT NULL,
    run INTEGER NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    PRIMARY KEY (issue_ms, position, run)
) STRICT, WITHOUT ROWID;

-- From here on: the log of what was decided and done. Numbers are given once and ascend without
-- holes (AUTOINCREMENT), so that a removed row shows.
CREATE TABLE decision (
    decision_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    subsystem TEXT NOT NULL,
    verb TEXT NOT NULL,
    job_id INTEGER,
    feeder_id INTEGER REFERENCES feeder,
    point_id INTEGER REFERENCES point,
    value REAL,
    wanted REAL,                            -- before the guard made it safer
    reason INTEGER NOT NULL REFERENCES reason,
    mode TEXT NOT NULL,
    asker TEXT NOT NULL,
    plan_id INTEGER,
    applied INTEGER NOT NULL CHECK (applied IN (0, 1)) -- 0: advice or withheld
) STRICT;
CREATE INDEX decision_by_time ON decision (at_ms);

-- Newest state of every job.
CREATE TABLE job (
    job_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    class TEXT NOT NULL,
    state TEXT NOT NULL,
    reason INTEGER NOT NULL REFERENCES reason,
    power_w REAL,
    work_ms INTEGER NOT NULL,
    ran_ms INTEGER NOT NULL,
    release_ms INTEGER NOT NULL,
    deadline_ms INTEGER,                    -- NULL: none
    min_run_ms INTEGER NOT NULL,
    can_suspend INTEGER NOT NULL CHECK (can_suspend IN (0, 1)),
    feeder_id INTEGER REFERENCES feeder,
    suspensions INTEGER NOT NULL,
    exit_status INTEGER,                    -- NULL: not ended; negative: signal
    submitted_ms INTEGER,
    started_ms INTEGER,
    ended_ms INTEGER,
    updated_ms INTEGER,
    state_ms INTEGER
) STRICT;

CREATE TABLE job_event (
    job_event_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    job_id INTEGER NOT NULL REFERENCES job,
    state TEXT NOT NULL,
    reason INTEGER NOT NULL REFERENCES reason,
    ran_ms INTEGER NOT NULL,
    feeder_id INTEGER REFERENCES feeder,
    exit_status INTEGER
) STRICT;
CREATE INDEX job_event_by_job ON job_event (job_id, at_ms);

CREATE TABLE setpoint_write (
    setpoint_write_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    point_id INTEGER NOT NULL REFERENCES point,
    value REAL,
    outcome INTEGER NOT NULL REFERENCES reason
) STRICT;
CREATE INDEX setpoint_write_by_time ON setpoint_write (at_ms);

CREATE TABLE mode_change (
    mode_change_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    subsystem TEXT NOT NULL,
    mode TEXT NOT NULL,
    asker TEXT NOT NULL
) STRICT;

CREATE TABLE event (
    event_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    kind INTEGER NOT NULL REFERENCES event_kind,
    subject TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_time ON event (at_ms);
