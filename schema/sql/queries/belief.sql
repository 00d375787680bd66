-- What was believed at one time about another, what each provider had said by then, and what came.
--     sqlite3 LEDGER -cmd ".parameter init" \
--         -cmd ".parameter set :at '\"2026-11-22T14:00:00Z\"'" \
--         -cmd ".parameter set :about '\"2026-11-22T18:00:00Z\"'" < schema/sql/queries/belief.sql
-- Left out: at the newest forecast, about four hours later. A step is what is kept of the forecast
-- at or before the time asked about. Providers: the newest issue that was received by then; of one
-- issue, the word that came last. The issue of 14:00 is stamped some ms later: ask at 14:00:59.
.headers on
.mode column
CREATE TEMP TABLE asked AS
SELECT at_ms, coalesce(CAST(round((julianday(:about) - 2440587.5) * 86400) AS INTEGER) * 1000,
                       at_ms + 14400000) AS about_ms
FROM (SELECT coalesce(CAST(round((julianday(:at) - 2440587.5) * 86400) AS INTEGER) * 1000,
                      (SELECT max(issue_ms) FROM forecast_issue)) AS at_ms);

WITH
issue AS ( -- the newest of each series
    SELECT i.series, max(i.issue_ms) AS issue_ms, i.model, i.reason
    FROM forecast_issue AS i, asked
    WHERE i.issue_ms <= asked.at_ms AND i.issue_ms > asked.at_ms - 86400000
    GROUP BY i.series
)
SELECT s.name AS series, strftime('%Y-%m-%dT%H:%M:%SZ', f.issue_ms / 1000, 'unixepoch') AS made,
       strftime('%Y-%m-%dT%H:%M:%SZ', f.step_ms / 1000, 'unixepoch') AS about,
       round(f.q10, 2) AS q10, round(f.q50, 2) AS q50, round(f.q90, 2) AS q90,
       round(h.value, 2) AS came, h.value BETWEEN f.q10 AND f.q90 AS inside_80, issue.model,
       nullif(r.name, 'none') AS reason
FROM issue
JOIN series AS s USING (series)
JOIN forecast AS f ON f.issue_ms = issue.issue_ms AND f.series = issue.series
    AND f.step_ms = (SELECT max(step_ms) FROM forecast AS k, asked
                     WHERE k.issue_ms = issue.issue_ms AND k.series = issue.series
                       AND k.step_ms <= asked.about_ms)
LEFT JOIN forecast_history AS h ON h.step_ms = f.step_ms AND h.series = f.series
LEFT JOIN reason AS r ON r.reason = issue.reason
ORDER BY issue.series;

SELECT s.name AS series, source, kind,
       strftime('%Y-%m-%dT%H:%M:%SZ', word.issue_ms / 1000, 'unixepoch') AS made,
       strftime('%Y-%m-%dT%H:%M:%SZ', word.received_ms / 1000, 'unixepoch') AS received,
       strftime('%Y-%m-%dT%H:%M:%SZ', (word.start_ms + word.step * word.step_ms) / 1000, 'unixepoch') AS about,
       round(word.value, 2) AS said, round(h.value, 2) AS came
FROM (SELECT i.*, v.step, v.value, row_number() OVER (PARTITION BY i.track, i.source
             ORDER BY i.issue_ms DESC, i.received_ms DESC, i.position DESC) AS age
      FROM feed_issue AS i, asked
      JOIN feed_value AS v ON v.received_ms = i.received_ms AND v.position = i.position
          AND v.step = (asked.about_ms - i.start_ms) / i.step_ms
      WHERE i.kind <> 'measured' AND i.received_ms <= asked.at_ms AND i.start_ms <= asked.about_ms
        AND i.received_ms > asked.at_ms - 30 * 86400000) AS word
JOIN series AS s ON s.series = word.track
LEFT JOIN forecast_history AS h ON h.series = word.track
    AND h.step_ms = (SELECT about_ms - about_ms % 900000 FROM asked)
WHERE age = 1 ORDER BY word.track, source;
