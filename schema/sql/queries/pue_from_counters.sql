-- PUE by day and over the whole time, by plain arithmetic on the counters:
--     sqlite3 LEDGER < schema/sql/queries/pue_from_counters.sql
-- It uses only energy_interval (the counter at both ends of every quarter hour), point, device and
-- point_use (what was configured when); no view, and no figure that the controller derived.
-- A quarter hour counts when every meter that the sums need has a good (0) or estimated (1)
-- interval in it; a device without an energy counter is metered by its integrated power.
.headers on
.mode column
WITH
rule (role, kind, sign, category) AS ( -- sign: in the facility's sum; category: IT meters
    VALUES ('utility', 'energy_import_wh', 1, NULL),
           ('utility', 'energy_export_wh', -1, NULL),
           ('pv', 'energy_export_wh', 1, NULL),
           ('wind', 'energy_export_wh', 1, NULL),
           ('battery', 'energy_export_wh', 1, NULL),  -- discharged into the site
           ('battery', 'energy_import_wh', -1, NULL), -- charged out of the site
           ('ups', 'energy_import_wh', NULL, 1),
           ('rack_pdu', 'energy_import_wh', NULL, 2),
           ('it', 'energy_import_wh', NULL, 3)
),
device_quarter AS ( -- the devices of every quarter hour, and the meters they had
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
    WHERE d.role IN (SELECT role FROM rule)
      AND (p.kind IN ('energy_import_wh', 'energy_export_wh', 'power_w')
           OR NOT EXISTS (SELECT 1 FROM point AS other WHERE other.device_id = d.device_id
                          AND other.kind IN ('energy_import_wh', 'energy_export_wh', 'power_w')))
    GROUP BY q.start_ms, d.device_id
),
reading AS ( -- wh is NULL when unknown
    SELECT m.start_ms, m.role, r.sign, r.category,
           (i.end_milliwh - i.start_milliwh) / 1000.0 AS wh
    FROM device_quarter AS m
    JOIN rule AS r USING (role)
    LEFT JOIN energy_interval AS i
           ON i.start_ms = m.start_ms AND i.end_ms = m.start_ms + 900000 AND i.quality <= 1
          AND i.point_id = CASE WHEN import_id IS NULL AND export_id IS NULL THEN power_id
                                WHEN r.kind = 'energy_import_wh' THEN import_id
                                ELSE export_id END
    -- a utility meter without an export counter stands where nothing can be exported
    WHERE NOT (m.role = 'utility' AND r.sign = -1 AND export_id IS NULL AND import_id IS NOT NULL)
),
facility AS (
    SELECT start_ms, sum(sign * wh) AS wh FROM reading
    WHERE sign IS NOT NULL
    GROUP BY start_ms HAVING count(wh) = count(*) AND max(role = 'utility') = 1
),
it AS (
    SELECT start_ms, category, sum(wh) AS wh FROM reading
    WHERE category IS NOT NULL
    GROUP BY start_ms, category HAVING count(wh) = count(*)
),
known AS (
    SELECT it.start_ms, it.category, facility.wh AS facility_wh, it.wh AS it_wh
    FROM it JOIN facility USING (start_ms)
)
SELECT date(start_ms / 1000, 'unixepoch') AS period, category, count(*) AS quarters,
       round(sum(facility_wh) / 1000, 3) AS facility_kwh, round(sum(it_wh) / 1000, 3) AS it_kwh,
       round(sum(facility_wh) / nullif(sum(it_wh), 0.0), 5) AS pue
FROM known GROUP BY 1, 2
UNION ALL
SELECT 'all', category, count(*), round(sum(facility_wh) / 1000, 3), round(sum(it_wh) / 1000, 3),
       round(sum(facility_wh) / nullif(sum(it_wh), 0.0), 5)
FROM known GROUP BY 2
ORDER BY category, period;
