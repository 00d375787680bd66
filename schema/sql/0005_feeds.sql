-- Forecasts with the 80 % band and a reason, the score of it, how the models stand, and what
-- providers said. Columns that are NULL in older rows were not kept then.

ALTER TABLE forecast ADD COLUMN q10 REAL;
ALTER TABLE forecast ADD COLUMN q90 REAL;
ALTER TABLE forecast_issue ADD COLUMN reason INTEGER REFERENCES reason; -- 0: nothing to say
ALTER TABLE forecast_score ADD COLUMN coverage_80 REAL; -- share inside P10..P90
-- Mean Spearman correlation of the hours of the next day, alike for all leads; NULL: none yet.
ALTER TABLE forecast_score ADD COLUMN rank REAL;

-- When a quarter-hour mean became known; NULL: with the end of its quarter hour.
ALTER TABLE forecast_history ADD COLUMN known_ms INTEGER;
-- 1: a provider measured it (feed_issue has the block); what the site measures itself counts more.
ALTER TABLE forecast_history ADD COLUMN fed INTEGER NOT NULL DEFAULT 0 CHECK (fed IN (0, 1));

-- How each model did for a series and lead in the recent past, and its weight in the forecast.
CREATE TABLE forecast_standing (
    at_ms INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series,
    lead_h INTEGER NOT NULL,                -- forecasts up to so many hours ahead
    model TEXT NOT NULL,
    count REAL NOT NULL,                    -- of issues that were judged; older ones count less
    mae REAL,
    weight REAL NOT NULL,                   -- those of one series and lead add up to 1
    PRIMARY KEY (at_ms, series, lead_h, model)
) STRICT, WITHOUT ROWID;

-- What a provider said, block by block in the order in which they came: the track is a row of
-- `series`, which names inputs too (weather, the grid's mix). Neither addresses nor keys are here.
CREATE TABLE feed_issue (
    received_ms INTEGER NOT NULL,
    position INTEGER NOT NULL,              -- among those of the same tick
    source TEXT NOT NULL,                   -- name of the feed
    track INTEGER NOT NULL REFERENCES series,
    kind TEXT NOT NULL CHECK (kind IN ('forecast', 'settled', 'measured')),
    issue_ms INTEGER NOT NULL,              -- when the provider made it
    start_ms INTEGER NOT NULL,
    step_ms INTEGER NOT NULL,               -- each value is the mean of so long
    count INTEGER NOT NULL,                 -- of steps, values or not
    verdict INTEGER NOT NULL REFERENCES reason, -- 0: taken whole
    PRIMARY KEY (received_ms, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX feed_issue_by_track ON feed_issue (track, source, issue_ms);

-- Its values; none where the verdict is that nothing was taken. Steps left out have no row.
CREATE TABLE feed_value (
    received_ms INTEGER NOT NULL,
    position INTEGER NOT NULL,
    step INTEGER NOT NULL,                  -- speaks of start_ms + step * step_ms
    value REAL NOT NULL,
    PRIMARY KEY (received_ms, position, step)
) STRICT, WITHOUT ROWID;

DROP VIEW v_forecast_vs_actual;
CREATE VIEW v_forecast_vs_actual AS
-- What was believed at issue_utc about the quarter hour at step_utc, and what came.
--   SELECT q10, q50, q90, actual FROM v_forecast_vs_actual
--   WHERE issue_utc = '2026-11-22T14:00:00Z' AND step_utc = '2026-11-22T18:00:00Z';
-- (Filtering by issue_ms and step_ms uses the key.) actual is NULL until it came; q10 and q90 in
-- forecasts before these were kept. What stood at any time: queries/belief.sql.
SELECT f.issue_ms, f.step_ms, s.name AS series, fi.model, r.name AS reason,
       strftime('%Y-%m-%dT%H:%M:%SZ', f.issue_ms / 1000, 'unixepoch') AS issue_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', f.step_ms / 1000, 'unixepoch') AS step_utc,
       (f.step_ms - f.issue_ms) / 3600000.0 AS lead_h,
       f.q05, f.q10, f.q25, f.q50, f.q75, f.q90, f.q95, h.value AS actual,
       h.value - f.q50 AS error, h.value BETWEEN f.q05 AND f.q95 AS inside,
       h.value BETWEEN f.q10 AND f.q90 AS inside_80
FROM forecast AS f
JOIN series AS s USING (series)
JOIN forecast_issue AS fi ON fi.issue_ms = f.issue_ms AND fi.series = f.series
LEFT JOIN reason AS r ON r.reason = fi.reason
LEFT JOIN forecast_history AS h ON h.step_ms = f.step_ms AND h.series = f.series;

CREATE VIEW v_feed_value AS
-- What providers said, with names: source, when it was made and received, what of it counted, and
-- each value with the time it speaks of.
SELECT i.received_ms, i.issue_ms, i.start_ms + v.step * i.step_ms AS step_ms, i.step_ms AS length_ms,
       i.source, s.name AS series, i.kind, r.name AS verdict,
       strftime('%Y-%m-%dT%H:%M:%SZ', i.issue_ms / 1000, 'unixepoch') AS issue_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', i.received_ms / 1000, 'unixepoch') AS received_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', (i.start_ms + v.step * i.step_ms) / 1000, 'unixepoch')
           AS step_utc,
       v.value
FROM feed_issue AS i
JOIN feed_value AS v USING (received_ms, position)
JOIN series AS s ON s.series = i.track
LEFT JOIN reason AS r ON r.reason = i.verdict;

CREATE VIEW v_forecast_score AS
-- The newest score of each series by lead, with names.
SELECT s.name AS series, c.lead_h, c.count, c.mae, c.bias, c.pinball, c.coverage, c.coverage_80,
       c.rank, strftime('%Y-%m-%dT%H:%M:%SZ', c.at_ms / 1000, 'unixepoch') AS at_utc
FROM forecast_score AS c
JOIN series AS s USING (series)
WHERE c.at_ms = (SELECT max(at_ms) FROM forecast_score);
