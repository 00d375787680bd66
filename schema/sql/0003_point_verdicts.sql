-- Verdicts about points as they changed, however briefly, beside the readings that are stored at
-- their own pace, and the writes that registers have had.

-- A row is a change of what is thought of a point. A point that flaps is told at most once a minute
-- after its first few changes; `withheld` says how many changes before this row were not told.
-- A start of the controller tells every point anew.
CREATE TABLE point_verdict (
    point_verdict_id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    point_id INTEGER NOT NULL REFERENCES point,
    quality INTEGER NOT NULL REFERENCES quality,
    reason INTEGER NOT NULL REFERENCES reason,
    withheld INTEGER NOT NULL CHECK (withheld >= 0)
) STRICT;
CREATE INDEX point_verdict_by_time ON point_verdict (at_ms);
CREATE INDEX point_verdict_by_point ON point_verdict (point_id, point_verdict_id);

CREATE VIEW v_point_verdict AS
-- What was thought of each point, since when, for how long and why. lasted_ms is NULL while it
-- still holds; withheld: changes of a flapping point before this one that are only counted.
--   SELECT * FROM v_point_verdict WHERE point = 'utility.power_w' AND quality <> 'good';
SELECT v.at_ms, strftime('%Y-%m-%dT%H:%M:%fZ', v.at_ms / 1000.0, 'unixepoch') AS at_utc,
       lead(v.at_ms) OVER (PARTITION BY v.point_id ORDER BY v.point_verdict_id) - v.at_ms
           AS lasted_ms,
       d.name || '.' || p.kind AS point, q.name AS quality, r.name AS reason,
       r.text AS reason_text, v.withheld
FROM point_verdict AS v
JOIN point AS p USING (point_id)
JOIN device AS d USING (device_id)
JOIN quality AS q USING (quality)
JOIN reason AS r USING (reason);

CREATE VIEW v_setpoint_write AS
-- Every set-point written, and what the device made of it.
SELECT w.at_ms, strftime('%Y-%m-%dT%H:%M:%fZ', w.at_ms / 1000.0, 'unixepoch') AS at_utc,
       d.name || '.' || p.kind AS point, w.value, p.unit, r.name AS outcome, r.text AS outcome_text
FROM setpoint_write AS w
JOIN point AS p USING (point_id)
JOIN device AS d USING (device_id)
JOIN reason AS r ON r.reason = w.outcome;

CREATE VIEW v_register_life AS
-- Writes that every set-point's register has had, as the write budget of its life counts them: all
-- that were sent, whatever became of them. Of those that never left only the first in a row has a
-- row of its own (unsent).
SELECT d.name || '.' || p.kind AS point, count(*) FILTER (WHERE r.name <> 'write_failed') AS writes,
       count(*) FILTER (WHERE r.name = 'write_confirmed') AS confirmed,
       count(*) FILTER (WHERE r.name = 'write_failed') AS unsent,
       min(w.at_ms) AS first_ms, max(w.at_ms) AS last_ms
FROM setpoint_write AS w
JOIN point AS p USING (point_id)
JOIN device AS d USING (device_id)
JOIN reason AS r ON r.reason = w.outcome
GROUP BY w.point_id;
