-- Views for auditors. Their comments stay in the database: `.schema v_pue_15min` shows them.
-- Everything about energy is recomputed here from the counters in energy_interval; no view trusts
-- a figure that the controller derived, except where its name says so (v_cost_day).

CREATE VIEW v_balance_rule AS
-- What the meters of each device role mean for the site's energy balance:
--   facility = import - export + pv + wind + discharge - charge
--   it1, it2, it3 = IT energy at UPS outputs, rack PDU outputs, IT inputs (the categories of
--                   ISO/IEC 30134-2)
SELECT column1 AS role, column2 AS kind, column3 AS part
FROM (VALUES ('utility', 'energy_import_wh', 'import'),
             ('utility', 'energy_export_wh', 'export'),
             ('pv', 'energy_export_wh', 'pv'),
             ('wind', 'energy_export_wh', 'wind'),
             ('battery', 'energy_import_wh', 'charge'),
             ('battery', 'energy_export_wh', 'discharge'),
             ('ups', 'energy_import_wh', 'it1'),
             ('rack_pdu', 'energy_import_wh', 'it2'),
             ('it', 'energy_import_wh', 'it3'),
             ('cooling', 'energy_import_wh', 'cooling'),
             ('auxiliary', 'energy_import_wh', 'auxiliary'));

CREATE VIEW v_meter_15min AS
-- Which meter (point_id) stood for each device and part of the balance in every quarter hour, as
-- the site was configured then. A device without any energy counter is metered by its power,
-- integrated over time (estimated). point_id is NULL for a device that has a counter, but not the
-- one that is needed: its part is unknown. Only a utility meter may lack an export counter: it
-- stands where nothing can be exported.
WITH device_15min AS (
    SELECT q.start_ms, d.device_id, d.role,
           max(p.point_id) FILTER (WHERE p.kind = 'energy_import_wh') AS import_id,
           max(p.point_id) FILTER (WHERE p.kind = 'energy_export_wh') AS export_id,
           max(p.point_id) FILTER (WHERE p.kind = 'power_w') AS power_id
    FROM (SELECT DISTINCT start_ms FROM energy_interval
          WHERE end_ms - start_ms = 900000 AND start_ms % 900000 = 0) AS q
    JOIN point_use AS u ON u.since_ms <= q.start_ms + 900000
                       AND (u.until_ms IS NULL OR u.until_ms > q.start_ms)
    JOIN point AS p USING (point_id)
    JOIN device AS d USING (device_id)
    WHERE d.role IN (SELECT role FROM v_balance_rule)
      AND (p.kind IN ('energy_import_wh', 'energy_export_wh', 'power_w')
           OR NOT EXISTS (SELECT 1 FROM point AS other WHERE other.device_id = d.device_id
                          AND other.kind IN ('energy_import_wh', 'energy_export_wh', 'power_w')))
    GROUP BY q.start_ms, d.device_id
)
SELECT m.start_ms, m.device_id, r.part,
       CASE WHEN m.import_id IS NULL AND m.export_id IS NULL THEN m.power_id
            WHEN r.kind = 'energy_import_wh' THEN m.import_id
            ELSE m.export_id END AS point_id
FROM device_15min AS m
JOIN v_balance_rule AS r USING (role)
WHERE NOT (r.part = 'export' AND m.export_id IS NULL AND m.import_id IS NOT NULL);

CREATE VIEW v_energy_part AS
-- Every part of the balance in every quarter hour. wh is NULL as soon as one meter of the part has
-- no trustworthy interval that spans exactly the quarter: a missing meter makes the sum unknown,
-- never smaller. quality: 0 good, 1 estimated, 4 missing.
SELECT m.start_ms, m.start_ms + 900000 AS end_ms, m.part,
       iif(count(i.point_id) = count(*), sum(i.end_milliwh - i.start_milliwh) / 1000.0, NULL) AS wh,
       iif(count(i.point_id) = count(*), max(i.quality), 4) AS quality,
       iif(count(i.point_id) = count(*), min(i.coverage), 0.0) AS coverage,
       count(*) AS meters, count(i.point_id) AS meters_known
FROM v_meter_15min AS m
LEFT JOIN energy_interval AS i ON i.start_ms = m.start_ms AND i.point_id = m.point_id
                              AND i.end_ms = m.start_ms + 900000 AND i.quality <= 1
GROUP BY m.start_ms, m.part;

CREATE VIEW v_pue_15min AS
-- PUE of every quarter hour and category, from the counters alone (not from the table pue).
--   pue = facility_wh / it_wh; NULL when either is unknown or no IT energy flowed.
-- Only categories that the site has meters for appear. quality: 0 good, 1 estimated, 4 missing.
-- A part that the site does not have adds nothing, but without a utility meter nothing is known.
WITH balance AS (
    SELECT start_ms, end_ms,
           iif(max(part = 'import') = 0 OR max(part NOT LIKE 'it_' AND wh IS NULL) = 1, NULL,
               sum(CASE WHEN part IN ('import', 'pv', 'wind', 'discharge') THEN wh
                        WHEN part IN ('export', 'charge') THEN -wh
                        ELSE 0.0 END)) AS facility_wh,
           max(quality) FILTER (WHERE part NOT LIKE 'it_') AS quality,
           min(coverage) FILTER (WHERE part NOT LIKE 'it_') AS coverage,
           max(wh) FILTER (WHERE part = 'it1') AS it1_wh,
           max(quality) FILTER (WHERE part = 'it1') AS it1_quality,
           max(coverage) FILTER (WHERE part = 'it1') AS it1_coverage,
           max(wh) FILTER (WHERE part = 'it2') AS it2_wh,
           max(quality) FILTER (WHERE part = 'it2') AS it2_quality,
           max(coverage) FILTER (WHERE part = 'it2') AS it2_coverage,
           max(wh) FILTER (WHERE part = 'it3') AS it3_wh,
           max(quality) FILTER (WHERE part = 'it3') AS it3_quality,
           max(coverage) FILTER (WHERE part = 'it3') AS it3_coverage
    FROM v_energy_part
    WHERE part NOT IN ('cooling', 'auxiliary')
    GROUP BY start_ms, end_ms
)
SELECT start_ms, end_ms, strftime('%Y-%m-%dT%H:%M:%SZ', start_ms / 1000, 'unixepoch') AS start_utc,
       category, facility_wh, it_wh, iif(it_wh > 0, facility_wh / it_wh, NULL) AS pue,
       iif(facility_wh IS NULL OR it_wh IS NULL, 4, max(quality, it_quality)) AS quality,
       100.0 * min(coverage, it_coverage) AS coverage_pct
FROM (SELECT start_ms, end_ms, facility_wh, quality, coverage, c.column1 AS category,
             CASE c.column1 WHEN 1 THEN it1_wh WHEN 2 THEN it2_wh ELSE it3_wh END AS it_wh,
             CASE c.column1 WHEN 1 THEN it1_quality WHEN 2 THEN it2_quality
                            ELSE it3_quality END AS it_quality,
             CASE c.column1 WHEN 1 THEN it1_coverage WHEN 2 THEN it2_coverage
                            ELSE it3_coverage END AS it_coverage
      FROM balance CROSS JOIN (VALUES (1), (2), (3)) AS c)
WHERE it_quality IS NOT NULL; -- NULL: no such meters

CREATE VIEW v_pue_day AS
-- PUE of every UTC day and category: the quotient of the sums over the quarters in which both
-- energies are known. coverage_pct is the share of the day's 96 quarters that are.
-- interim: a PUE proper needs twelve months (ISO/IEC 30134-2).
SELECT start_ms - start_ms % 86400000 AS day_ms,
       date(start_ms / 1000, 'unixepoch') AS day, category,
       sum(facility_wh) FILTER (WHERE quality <= 1) AS facility_wh,
       sum(it_wh) FILTER (WHERE quality <= 1) AS it_wh,
       sum(facility_wh) FILTER (WHERE quality <= 1)
           / nullif(sum(it_wh) FILTER (WHERE quality <= 1), 0.0) AS pue,
       100.0 * count(*) FILTER (WHERE quality <= 1) / 96 AS coverage_pct,
       count(*) FILTER (WHERE quality = 1) AS estimated_quarters,
       1 AS interim
FROM v_pue_15min
GROUP BY 1, category;

CREATE VIEW v_energy_day AS
-- Energy of every UTC day by device role and counter, from the counters' differences.
-- An interval that crosses midnight (readings were missing) has one energy for several days: it is
-- shared out by time, in whole mWh. Each day's share is estimated; their sum is the interval's
-- energy exactly, so that all days together are the counter's difference without its unknown
-- intervals.
--   estimated_wh  the part of wh that is estimated: by such shares, or in its intervals already
--   intervals     that lie in the day or reach into it; of these:
--     estimated_intervals  estimated or shared out
--     unknown_intervals    without a trustworthy value: not in wh
WITH RECURSIVE crossing (point_id, quality, start_ms, end_ms, milliwh, from_ms, to_ms) AS (
    SELECT point_id, quality, start_ms, end_ms, end_milliwh - start_milliwh,
           start_ms, start_ms - start_ms % 86400000 + 86400000
    FROM energy_interval
    WHERE (end_ms - 1) / 86400000 > start_ms / 86400000
    UNION ALL
    SELECT point_id, quality, start_ms, end_ms, milliwh, to_ms, min(to_ms + 86400000, end_ms)
    FROM crossing WHERE to_ms < end_ms
),
part AS (
    SELECT start_ms AS from_ms, point_id, quality, quality = 1 AS estimated,
           end_milliwh - start_milliwh AS milliwh
    FROM energy_interval
    WHERE (end_ms - 1) / 86400000 = start_ms / 86400000
    UNION ALL
    SELECT from_ms, point_id, quality, quality <= 1, -- what has come by its end less by its start
           CAST(milliwh * ((to_ms - start_ms) * 1.0 / (end_ms - start_ms)) AS INTEGER)
           - CAST(milliwh * ((from_ms - start_ms) * 1.0 / (end_ms - start_ms)) AS INTEGER)
    FROM crossing
)
SELECT x.from_ms - x.from_ms % 86400000 AS day_ms,
       date(x.from_ms / 1000, 'unixepoch') AS day, d.role, p.kind,
       sum(x.milliwh) FILTER (WHERE x.quality <= 1) / 1000.0 AS wh,
       total(x.milliwh) FILTER (WHERE x.estimated) / 1000.0 AS estimated_wh,
       count(*) AS intervals,
       count(*) FILTER (WHERE x.estimated) AS estimated_intervals,
       count(*) FILTER (WHERE x.quality > 1) AS unknown_intervals
FROM part AS x
JOIN point AS p USING (point_id)
JOIN device AS d USING (device_id)
GROUP BY 1, d.role, p.kind;

CREATE VIEW v_meter_chain AS
-- Breaks in the chain of counters: an interval must begin when and where the one before it ended.
-- No row means that no energy was lost or counted twice between any two intervals.
--   gap_ms       time between them (negative: they overlap)
--   gap_milliwh  energy between them
SELECT d.name || '.' || p.kind AS meter, c.point_id, c.before_ms, c.start_ms,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.start_ms / 1000, 'unixepoch') AS start_utc,
       c.start_ms - c.before_ms AS gap_ms, c.start_milliwh - c.before_milliwh AS gap_milliwh
FROM (SELECT point_id, start_ms, start_milliwh,
             lag(end_ms) OVER chain AS before_ms,
             lag(end_milliwh) OVER chain AS before_milliwh
      FROM energy_interval
      WINDOW chain AS (PARTITION BY point_id ORDER BY start_ms)) AS c
JOIN point AS p USING (point_id)
JOIN device AS d USING (device_id)
WHERE c.start_ms <> c.before_ms OR c.start_milliwh <> c.before_milliwh;

CREATE VIEW v_decision AS
-- Every decision in words: who asked for what, why, in which mode, under which plan, and whether
-- it was carried out (applied = 0: advice, or withheld by the guard for the reason given).
SELECT x.decision_id, x.at_ms,
       strftime('%Y-%m-%dT%H:%M:%fZ', x.at_ms / 1000.0, 'unixepoch') AS at_utc,
       x.subsystem, x.mode, x.verb, x.job_id, j.name AS job, f.name AS feeder,
       d.name || '.' || p.kind AS point, p.unit, x.value, x.wanted,
       r.name AS reason, r.text AS reason_text, x.asker, x.applied, x.plan_id,
       -- a number of a plan may come again after a restart: the newest one at that time
       (SELECT max(plan.issue_ms) FROM plan
        WHERE plan.plan_id = x.plan_id AND plan.issue_ms <= x.at_ms) AS plan_issue_ms
FROM decision AS x
JOIN reason AS r USING (reason)
LEFT JOIN job AS j USING (job_id)
LEFT JOIN feeder AS f ON f.feeder_id = x.feeder_id
LEFT JOIN point AS p ON p.point_id = x.point_id
LEFT JOIN device AS d ON d.device_id = p.device_id;

CREATE VIEW v_job AS
-- Every job with what was promised and what came. wait_ms: from release to start; margin_ms: from
-- its end to the deadline (negative: late); energy_wh: rated power x running time.
SELECT j.job_id, j.name, j.owner, j.class, j.state, r.text AS reason_text, f.name AS feeder,
       j.power_w, j.work_ms, j.ran_ms, j.power_w * j.ran_ms / 3600000.0 AS energy_wh,
       strftime('%Y-%m-%dT%H:%M:%SZ', j.submitted_ms / 1000, 'unixepoch') AS submitted_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', j.started_ms / 1000, 'unixepoch') AS started_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', j.ended_ms / 1000, 'unixepoch') AS ended_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', j.deadline_ms / 1000, 'unixepoch') AS deadline_utc,
       j.started_ms - max(j.release_ms, j.submitted_ms) AS wait_ms,
       j.deadline_ms - j.ended_ms AS margin_ms, j.suspensions, j.exit_status
FROM job AS j
JOIN reason AS r USING (reason)
LEFT JOIN feeder AS f ON f.feeder_id = j.feeder_id;

CREATE VIEW v_forecast_vs_actual AS
-- What was believed at issue_utc about the quarter hour at step_utc, and what came.
--   SELECT q05, q50, q95, actual FROM v_forecast_vs_actual
--   WHERE issue_utc = '2026-11-22T14:00:00Z' AND step_utc = '2026-11-22T18:00:00Z';
-- (Filtering by issue_ms and step_ms uses the key.) actual is NULL until it came.
SELECT f.issue_ms, f.step_ms, s.name AS series, fi.model,
       strftime('%Y-%m-%dT%H:%M:%SZ', f.issue_ms / 1000, 'unixepoch') AS issue_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', f.step_ms / 1000, 'unixepoch') AS step_utc,
       (f.step_ms - f.issue_ms) / 3600000.0 AS lead_h,
       f.q05, f.q25, f.q50, f.q75, f.q95, h.value AS actual, h.value - f.q50 AS error,
       h.value BETWEEN f.q05 AND f.q95 AS inside
FROM forecast AS f
JOIN series AS s USING (series)
JOIN forecast_issue AS fi ON fi.issue_ms = f.issue_ms AND fi.series = f.series
LEFT JOIN forecast_history AS h ON h.step_ms = f.step_ms AND h.series = f.series;

CREATE VIEW v_cost_day AS
-- Money, carbon and green energy of every UTC day, from account_15min. Sums hold the known
-- quarters only; the *_quarters columns say how many of 96 those are.
SELECT start_ms - start_ms % 86400000 AS day_ms, date(start_ms / 1000, 'unixepoch') AS day,
       (SELECT value FROM meta WHERE key = 'currency') AS currency,
       sum(cost) AS cost, count(cost) AS cost_quarters,
       sum(carbon_g) / 1000.0 AS carbon_kg, count(carbon_g) AS carbon_quarters,
       sum(import_wh) AS import_wh, sum(export_wh) AS export_wh,
       sum(facility_wh) AS facility_wh, sum(green_wh) AS green_wh,
       sum(green_wh) FILTER (WHERE facility_wh IS NOT NULL)
           / nullif(sum(facility_wh) FILTER (WHERE green_wh IS NOT NULL), 0.0) AS green_share,
       max(import_wh * 3600000.0 / (end_ms - start_ms)) AS peak_import_w
FROM account_15min
GROUP BY 1;

CREATE VIEW v_sample AS
-- Readings with names. Raw rows are kept for a limited time; the rollups reach further back.
SELECT s.at_ms, strftime('%Y-%m-%dT%H:%M:%fZ', s.at_ms / 1000.0, 'unixepoch') AS at_utc,
       d.name || '.' || p.kind AS point, s.value, p.unit, q.name AS quality, r.name AS reason,
       s.age_ms
FROM sample AS s
JOIN point AS p USING (point_id)
JOIN device AS d USING (device_id)
JOIN quality AS q USING (quality)
JOIN reason AS r USING (reason);
