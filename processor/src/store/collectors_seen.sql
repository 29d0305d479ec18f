-- Collectors with a readable row of the last 48 hours. An operator's command is a collector too, and has nothing but the copies of
-- its order; it has ended by the time they are seen.
SELECT
    toString(collector) AS collector,
    max(reason = 'goodbye' AND kind = 'control')
        OR open_hits.collector IN (SELECT tail_collector FROM footfall.open_hits WHERE kind = 'control' AND reason = 'opened' AND readable > 0)
        AS has_ended,
    uniqExactIf(sequence, is_in_use) AS in_use_rows,
    maxIf(sequence, is_in_use) AS in_use_through
FROM
(
    SELECT collector, sequence, kind, reason, kind = 'control' AND reason = 'key_in_use' AND has(?, toString(subject)) AS is_in_use
    FROM footfall.open_hits
    WHERE readable > 0 AND written_date >= toDate(now('UTC') - INTERVAL 48 HOUR)
        AND collector NOT IN (SELECT collector FROM footfall.imports)
) AS open_hits
GROUP BY open_hits.collector
HAVING countIf(NOT (kind = 'control' AND reason IN ('erase_address', 'barrier'))) > 0
ORDER BY collector
