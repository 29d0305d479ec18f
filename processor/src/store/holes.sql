-- Runs of sequences without a row, up to each collector's highest row and to the last sequence that the next collector of
-- the same journal names.
SELECT toString(collector) AS collector, toUInt64(previous + 1) AS from, toUInt64(sequence - 1) AS to
FROM
(
    SELECT
        collector,
        sequence,
        lagInFrame(sequence, 1, through) OVER (PARTITION BY collector ORDER BY sequence ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous
    FROM
    (
        SELECT DISTINCT collector, sequence, through
        FROM
        (
            SELECT collector, sequence FROM footfall.open_hits
            UNION ALL
            SELECT tail_collector AS collector, tail_sequence + 1 AS sequence FROM footfall.open_hits WHERE tail_sequence > 0
        ) AS expected
        LEFT JOIN (SELECT collector, max(through) AS through FROM footfall.complete GROUP BY collector) AS known USING (collector)
        WHERE sequence > through
    )
)
WHERE sequence > previous + 1
ORDER BY collector, from
