-- Plans over rack groups, levels and cooling, with the reason of every job at every time; jobs that
-- run at several levels; the threshold of peak shaving.
--
-- A plan may speak of several sites. A ledger belongs to one: site 0 of its plans.

-- A feeder without groups of its own is one group of its name.
CREATE TABLE rack_group (
    group_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    feeder_id INTEGER REFERENCES feeder,
    limit_w REAL                            -- NULL: none
) STRICT;
INSERT INTO rack_group SELECT feeder_id, name, feeder_id, limit_w FROM feeder;

-- ---- plans ----

ALTER TABLE plan ADD COLUMN transfer_cost REAL DEFAULT 0.0; -- of moved data
ALTER TABLE plan ADD COLUMN hedge_cost REAL DEFAULT 0.0;    -- part of the objective, for safety

-- The key gets the site. Powers of chiller, free cooling and tank are of heat.
ALTER TABLE plan_slot RENAME TO plan_slot_3;
CREATE TABLE plan_slot (
    issue_ms INTEGER NOT NULL,
    site INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    start_ms INTEGER NOT NULL,
    length_ms INTEGER NOT NULL,
    -- what the plan was made from
    pv_w REAL, wind_w REAL, fixed_w REAL, overhead_ratio REAL,
    heat_ratio REAL, cop REAL,              -- W of heat per W of IT, and per W of chiller
    free_cooling_w REAL, free_cop REAL,     -- heat that needs no compressor, and per W of fans
    price_import_per_mwh REAL, price_export_per_mwh REAL, carbon_g_per_kwh REAL,
    import_limit_w REAL, export_limit_w REAL, -- NULL: none
    -- what it decided
    import_w REAL, export_w REAL, pv_used_w REAL, wind_used_w REAL,
    charge_w REAL, discharge_w REAL, soc_end_wh REAL,
    chiller_heat_w REAL, free_heat_w REAL,
    tank_charge_w REAL, tank_discharge_w REAL, tank_end_wh REAL,
    facility_w REAL,
    breach_w REAL,                          -- import above the limit
    ramp_breach_w REAL,                     -- change since the slot before beyond the ramp
    cooling_short_w REAL,                   -- heat that nothing removes
    reserve_short_wh REAL,                  -- stored energy below the reserve at the end
    marginal_per_mwh REAL,
    battery_reason INTEGER NOT NULL REFERENCES reason,
    tank_reason INTEGER NOT NULL REFERENCES reason, -- 0: there is no tank
    PRIMARY KEY (issue_ms, site, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO plan_slot
SELECT issue_ms, 0, slot, start_ms, length_ms, pv_w, wind_w, fixed_w, overhead_ratio,
       0.0, 0.0, 0.0, 0.0, price_import_per_mwh, price_export_per_mwh, carbon_g_per_kwh,
       import_limit_w, export_limit_w, import_w, export_w, pv_used_w, wind_used_w,
       charge_w, discharge_w, soc_end_wh, 0.0, 0.0, 0.0, 0.0, 0.0, facility_w,
       breach_w, 0.0, 0.0, reserve_short_wh, marginal_per_mwh, battery_reason, 0
FROM plan_slot_3;
DROP TABLE plan_slot_3;

-- IT load of a slot by rack group: what is not planned (expected, and what is kept free for it), and
-- the planned jobs. v_plan_feeder adds it up by feeder.
CREATE TABLE plan_group (
    issue_ms INTEGER NOT NULL,
    site INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    group_id INTEGER NOT NULL REFERENCES rack_group,
    base_it_w REAL,
    base_it_high_w REAL,
    it_jobs_w REAL,
    breach_w REAL,                          -- what cannot be planned exceeds the group's limit by
    PRIMARY KEY (issue_ms, site, slot, group_id)
) STRICT, WITHOUT ROWID;
INSERT INTO plan_group
SELECT issue_ms, 0, slot, feeder_id, base_it_w, base_it_w, it_jobs_w, breach_w FROM plan_feeder;
DROP TABLE plan_feeder;

-- Slots in which what cannot be planned exceeds a feeder's limit; others have no row.
CREATE TABLE plan_feeder_breach (
    issue_ms INTEGER NOT NULL,
    site INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    feeder_id INTEGER NOT NULL REFERENCES feeder,
    breach_w REAL NOT NULL,
    PRIMARY KEY (issue_ms, site, slot, feeder_id)
) STRICT, WITHOUT ROWID;

-- The limits that a plan was made under. Plans from before this migration have no rows here.
CREATE TABLE plan_feeder_limit (
    issue_ms INTEGER NOT NULL,
    site INTEGER NOT NULL,
    feeder_id INTEGER NOT NULL REFERENCES feeder,
    limit_w REAL,                           -- NULL: none
    PRIMARY KEY (issue_ms, site, feeder_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE plan_group_limit (
    issue_ms INTEGER NOT NULL,
    site INTEGER NOT NULL,
    group_id INTEGER NOT NULL REFERENCES rack_group,
    feeder_id INTEGER NOT NULL REFERENCES feeder,
    limit_w REAL,                           -- NULL: none
    accelerators TEXT NOT NULL,             -- JSON: {"h100": 64}
    PRIMARY KEY (issue_ms, site, group_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE plan_job ADD COLUMN site INTEGER NOT NULL DEFAULT 0;
ALTER TABLE plan_job ADD COLUMN group_id INTEGER REFERENCES rack_group; -- feeder_id is its feeder
-- Why it runs or waits at each time. JSON: [[start_ms, reason], ...], each until the next one's
-- start, the last until the plan's horizon; reason 0: it is not there yet, or done. NULL: not kept.
-- v_plan_job_why says it in words.
ALTER TABLE plan_job ADD COLUMN why TEXT;
UPDATE plan_job SET group_id = feeder_id WHERE feeder_id IS NOT NULL;

ALTER TABLE plan_run ADD COLUMN level INTEGER NOT NULL DEFAULT 0; -- 0: full

-- ---- the log ----

ALTER TABLE decision ADD COLUMN group_id INTEGER REFERENCES rack_group;
ALTER TABLE decision ADD COLUMN level INTEGER;  -- to run at; NULL: no decision about running

ALTER TABLE job ADD COLUMN group_id INTEGER REFERENCES rack_group;
ALTER TABLE job ADD COLUMN level INTEGER NOT NULL DEFAULT 0; -- at which it runs, or ran last
-- How it may run, level 0 first. JSON: [{"power_w": 6500.0, "speed": 1.0, "accelerators": 8}, ...].
-- NULL: in full or not at all. ran_ms is work done: time x speed.
ALTER TABLE job ADD COLUMN levels TEXT;
ALTER TABLE job ADD COLUMN accelerator_classes TEXT; -- JSON: ["h100"]; NULL: it needs none
ALTER TABLE job ADD COLUMN restart_ms INTEGER NOT NULL DEFAULT 0; -- work that a restart adds
ALTER TABLE job ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;

ALTER TABLE job_event ADD COLUMN group_id INTEGER REFERENCES rack_group;
ALTER TABLE job_event ADD COLUMN level INTEGER NOT NULL DEFAULT 0; -- from then on

ALTER TABLE account_15min ADD COLUMN threshold_w REAL; -- of peak shaving; NULL: none

-- ---- views ----

CREATE VIEW v_plan_job_why AS
-- Why every job of every plan runs or waits, for each stretch of time. A stretch in which there is
-- nothing to say (before its release, after its end) has no row.
--   SELECT start_utc, end_utc, reason_text FROM v_plan_job_why
--   WHERE job_id = 7 AND issue_ms = (SELECT max(issue_ms) FROM plan);
-- (Filtering by issue_ms uses the key. Plans keep their insides for a limited time.)
SELECT p.plan_id, j.issue_ms, strftime('%Y-%m-%dT%H:%M:%SZ', j.issue_ms / 1000, 'unixepoch')
           AS issue_utc,
       j.job_id, j.start_ms, j.end_ms,
       strftime('%Y-%m-%dT%H:%M:%SZ', j.start_ms / 1000, 'unixepoch') AS start_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', j.end_ms / 1000, 'unixepoch') AS end_utc,
       r.name AS reason, r.text AS reason_text
FROM (SELECT x.issue_ms, x.job_id, json_extract(w.value, '$[0]') AS start_ms,
             json_extract(w.value, '$[1]') AS reason,
             coalesce(json_extract(x.why, '$[' || (w.key + 1) || '][0]'),
                      (SELECT s.start_ms + s.length_ms FROM plan_slot AS s
                       WHERE s.issue_ms = x.issue_ms AND s.site = x.site
                       ORDER BY s.slot DESC LIMIT 1)) AS end_ms
      FROM plan_job AS x, json_each(x.why) AS w) AS j
JOIN plan AS p USING (issue_ms)
JOIN reason AS r USING (reason)
WHERE j.reason <> 0;

CREATE VIEW v_plan_run AS
-- When, where and at which level every plan wanted every job to run.
SELECT p.plan_id, j.issue_ms, strftime('%Y-%m-%dT%H:%M:%SZ', j.issue_ms / 1000, 'unixepoch')
           AS issue_utc,
       j.job_id, x.run, x.start_ms, x.end_ms,
       strftime('%Y-%m-%dT%H:%M:%SZ', x.start_ms / 1000, 'unixepoch') AS start_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', x.end_ms / 1000, 'unixepoch') AS end_utc,
       x.level, g.name AS rack_group, f.name AS feeder
FROM plan_run AS x
JOIN plan_job AS j USING (issue_ms, position)
JOIN plan AS p USING (issue_ms)
LEFT JOIN rack_group AS g ON g.group_id = j.group_id
LEFT JOIN feeder AS f ON f.feeder_id = j.feeder_id;

CREATE VIEW v_plan_feeder AS
-- IT load of every slot by feeder, added up over its rack groups, with the limit that the plan was
-- made under. limit_w NULL: none, or a plan from before limits were kept.
SELECT x.issue_ms, x.site, x.slot, f.name AS feeder,
       sum(x.base_it_w) AS base_it_w, sum(x.base_it_high_w) AS base_it_high_w,
       sum(x.it_jobs_w) AS it_jobs_w, l.limit_w, coalesce(b.breach_w, 0.0) AS breach_w
FROM plan_group AS x
LEFT JOIN plan_group_limit AS gl ON gl.issue_ms = x.issue_ms AND gl.site = x.site
                                AND gl.group_id = x.group_id
JOIN rack_group AS g ON g.group_id = x.group_id
JOIN feeder AS f ON f.feeder_id = coalesce(gl.feeder_id, g.feeder_id)
LEFT JOIN plan_feeder_limit AS l ON l.issue_ms = x.issue_ms AND l.site = x.site
                                AND l.feeder_id = f.feeder_id
LEFT JOIN plan_feeder_breach AS b ON b.issue_ms = x.issue_ms AND b.site = x.site
                                 AND b.slot = x.slot AND b.feeder_id = f.feeder_id
GROUP BY x.issue_ms, x.site, x.slot, f.feeder_id;

CREATE VIEW v_peak_shaving AS
-- Peak shaving, side by side for every quarter hour: the data centre's load, the threshold, what
-- the utility meter saw, and what the battery gave (negative: it was charged). Mean powers, from the
-- counters; the threshold is the one that was in force (account_15min).
--   held: 'yes' or 'no', whether the metered load kept the threshold; 'unknown' without a
--   trustworthy meter; NULL where there was no threshold.
-- A part that the site does not have is 0; NULL: unknown.
WITH part AS (
    SELECT start_ms,
           iif(max(part = 'import') = 0 OR max(wh IS NULL) = 1, NULL,
               sum(CASE WHEN part IN ('import', 'pv', 'wind', 'discharge') THEN wh
                        WHEN part IN ('export', 'charge') THEN -wh END)) AS facility_wh,
           max(wh) FILTER (WHERE part = 'import') AS import_wh,
           iif(max(part IN ('charge', 'discharge') AND wh IS NULL) = 1, NULL,
               total(CASE part WHEN 'discharge' THEN wh WHEN 'charge' THEN -wh END)) AS battery_wh
    FROM v_energy_part
    WHERE part IN ('import', 'export', 'pv', 'wind', 'charge', 'discharge')
    GROUP BY start_ms
)
SELECT x.start_ms, strftime('%Y-%m-%dT%H:%M:%SZ', x.start_ms / 1000, 'unixepoch') AS start_utc,
       4 * x.facility_wh AS facility_w, a.threshold_w, 4 * x.import_wh AS import_w,
       4 * x.battery_wh AS battery_w,
       CASE WHEN a.threshold_w IS NULL THEN NULL
            WHEN x.import_wh IS NULL THEN 'unknown'
            WHEN 4 * x.import_wh <= a.threshold_w THEN 'yes'
            ELSE 'no' END AS held
FROM part AS x
LEFT JOIN account_15min AS a ON a.start_ms = x.start_ms;

DROP VIEW v_decision;
CREATE VIEW v_decision AS
-- Every decision in words: who asked for what, why, in which mode, under which plan, and whether
-- it was carried out (applied = 0: advice, or withheld by the guard for the reason given).
SELECT x.decision_id, x.at_ms,
       strftime('%Y-%m-%dT%H:%M:%fZ', x.at_ms / 1000.0, 'unixepoch') AS at_utc,
       x.subsystem, x.mode, x.verb, x.job_id, j.name AS job, f.name AS feeder,
       g.name AS rack_group, x.level,
       d.name || '.' || p.kind AS point, p.unit, x.value, x.wanted,
       r.name AS reason, r.text AS reason_text, x.asker, x.applied, x.plan_id,
       -- a number of a plan may come again after a restart: the newest one at that time
       (SELECT max(plan.issue_ms) FROM plan
        WHERE plan.plan_id = x.plan_id AND plan.issue_ms <= x.at_ms) AS plan_issue_ms
FROM decision AS x
JOIN reason AS r USING (reason)
LEFT JOIN job AS j USING (job_id)
LEFT JOIN feeder AS f ON f.feeder_id = x.feeder_id
LEFT JOIN rack_group AS g ON g.group_id = x.group_id
LEFT JOIN point AS p ON p.point_id = x.point_id
LEFT JOIN device AS d ON d.device_id = p.device_id;

DROP VIEW v_job;
CREATE VIEW v_job AS
-- Every job with what was promised and what came. wait_ms: from release to start; margin_ms: from
-- its end to the deadline (negative: late); energy_wh: rated power of each level x the time it ran
-- at it (work done / speed), from job_event.
SELECT j.job_id, j.name, j.owner, j.class, j.state, r.text AS reason_text, f.name AS feeder,
       g.name AS rack_group, j.level, j.power_w, j.work_ms, j.ran_ms, j.restarts,
       (SELECT sum((e.ran_ms - e.before_ms) / 3600000.0
                   * coalesce(json_extract(j.levels, '$[' || e.before_level || '].power_w'),
                              j.power_w)
                   / coalesce(json_extract(j.levels, '$[' || e.before_level || '].speed'), 1.0))
        FROM (SELECT ran_ms, lag(ran_ms, 1, 0) OVER event AS before_ms,
                     lag(level, 1, level) OVER event AS before_level
              FROM job_event WHERE job_id = j.job_id
              WINDOW event AS (ORDER BY job_event_id)) AS e) AS energy_wh,
       strftime('%Y-%m-%dT%H:%M:%SZ', j.submitted_ms / 1000, 'unixepoch') AS submitted_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', j.started_ms / 1000, 'unixepoch') AS started_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', j.ended_ms / 1000, 'unixepoch') AS ended_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', j.deadline_ms / 1000, 'unixepoch') AS deadline_utc,
       j.started_ms - max(j.release_ms, j.submitted_ms) AS wait_ms,
       j.deadline_ms - j.ended_ms AS margin_ms, j.suspensions, j.exit_status
FROM job AS j
JOIN reason AS r USING (reason)
LEFT JOIN feeder AS f ON f.feeder_id = j.feeder_id
LEFT JOIN rack_group AS g ON g.group_id = j.group_id;
