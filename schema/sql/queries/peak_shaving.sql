-- Was the metered load held under its threshold, and where not, was the battery's energy used up?
--     sqlite3 LEDGER < schema/sql/queries/peak_shaving.sql
-- It uses only energy_interval (the counter at both ends of every quarter hour), point, device,
-- point_use, the threshold in account_15min, and the battery's charge in sample_15min; no view.
-- First by month; then every quarter hour that was not held or is unknown, with the four series side
-- by side. Mean powers in kW. battery_kw: what the battery gave (negative: it was charged).
-- peak_without_kw: the highest metered load, had the battery done nothing.
.headers on
.mode column
CREATE TEMP TABLE quarter AS
WITH
rule (role, kind, part, sign) AS ( -- sign: in the facility's sum
    VALUES ('utility', 'energy_import_wh', 'import', 1),
           ('utility', 'energy_export_wh', 'export', -1),
           ('pv', 'energy_export_wh', 'pv', 1),
           ('wind', 'energy_export_wh', 'wind', 1),
           ('battery', 'energy_export_wh', 'battery', 1),
           ('battery', 'energy_import_wh', 'battery', -1)
),
device_quarter AS ( -- the devices of every quarter hour with a threshold, and their meters
    SELECT a.start_ms, a.threshold_w, d.device_id, d.role,
           max(p.point_id) FILTER (WHERE p.kind = 'energy_import_wh') AS import_id,
           max(p.point_id) FILTER (WHERE p.kind = 'energy_export_wh') AS export_id,
           max(p.point_id) FILTER (WHERE p.kind = 'power_w') AS power_id
    FROM account_15min AS a
    JOIN point_use AS u ON u.since_ms <= a.start_ms + 900000
                       AND (u.until_ms IS NULL OR u.until_ms > a.start_ms)
    JOIN point AS p USING (point_id)
    JOIN device AS d USING (device_id)
    WHERE a.threshold_w IS NOT NULL AND d.role IN (SELECT role FROM rule)
      AND (p.kind IN ('energy_import_wh', 'energy_export_wh', 'power_w')
           OR NOT EXISTS (SELECT 1 FROM point AS other WHERE other.device_id = d.device_id
                          AND other.kind IN ('energy_import_wh', 'energy_export_wh', 'power_w')))
    GROUP BY a.start_ms, d.device_id
),
reading AS ( -- kw is NULL when unknown
    SELECT m.start_ms, m.threshold_w, r.part, r.sign,
           (i.end_milliwh - i.start_milliwh) * 4 / 1e6 AS kw
    FROM device_quarter AS m
    JOIN rule AS r USING (role)
    LEFT JOIN energy_interval AS i
           ON i.start_ms = m.start_ms AND i.end_ms = m.start_ms + 900000 AND i.quality <= 1
          AND i.point_id = CASE WHEN import_id IS NULL AND export_id IS NULL THEN power_id
                                WHEN r.kind = 'energy_import_wh' THEN import_id
                                ELSE export_id END
    -- a utility meter without an export counter stands where nothing can be exported
    WHERE NOT (r.part = 'export' AND export_id IS NULL AND import_id IS NOT NULL)
),
series AS (
    SELECT start_ms, threshold_w / 1000 AS threshold_kw,
           iif(max(kw IS NULL) = 1 OR max(part = 'import') = 0, NULL, sum(sign * kw))
               AS facility_kw,
           iif(max(part = 'import' AND kw IS NULL) = 1 OR max(part = 'import') = 0, NULL,
               total(kw) FILTER (WHERE part = 'import')) AS import_kw,
           iif(max(part = 'battery' AND kw IS NULL) = 1, NULL,
               total(sign * kw) FILTER (WHERE part = 'battery')) AS battery_kw
    FROM reading GROUP BY start_ms
)
SELECT *, CASE WHEN import_kw IS NULL THEN 'unknown'
               WHEN import_kw <= threshold_kw THEN 'yes' ELSE 'no' END AS held
FROM series;

SELECT strftime('%Y-%m', start_ms / 1000, 'unixepoch') AS month, count(*) AS quarters,
       sum(held = 'yes') AS held, sum(held = 'no') AS not_held, sum(held = 'unknown') AS unknown,
       round(max(threshold_kw), 3) AS threshold_kw, round(max(import_kw), 3) AS peak_kw,
       round(max(import_kw + battery_kw), 3) AS peak_without_kw,
       round(max(import_kw - threshold_kw), 3) AS most_above_kw
FROM quarter GROUP BY 1 ORDER BY 1;

SELECT strftime('%Y-%m-%dT%H:%M:%SZ', q.start_ms / 1000, 'unixepoch') AS start_utc,
       round(facility_kw, 3) AS facility_kw, round(threshold_kw, 3) AS threshold_kw,
       round(import_kw, 3) AS import_kw, round(battery_kw, 3) AS battery_kw, held,
       (SELECT round(min(s.value_min), 1) FROM sample_15min AS s
        JOIN point AS p USING (point_id) JOIN device AS d USING (device_id)
        WHERE s.start_ms = q.start_ms AND d.role = 'battery' AND p.kind = 'soc_pct')
           AS battery_soc_pct
FROM quarter AS q WHERE held <> 'yes' ORDER BY q.start_ms;
