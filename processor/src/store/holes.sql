-- Runs of sequences without a row, up to each collector's highest readable row and to the last sequence that the next
-- collector of the same journal names; with the first hour of the UTC date on which the record behind them was written. What
-- nobody could read has a row too, but its header is no word for what must come before it.
SELECT
    toString(collector) AS collector,
    toUInt64(previous + 1) AS from,
    toUInt64(sequence - 1) AS to,
    toUInt32(toRelativeDayNum(written_date) * 24) AS written_hour
FROM
(
    SELECT
        collector,
        sequence,
        written_date,
        max(if(vouched, sequence, 0)) OVER (PARTITION BY collector) AS highest,
        lagInFrame(sequence, 1, through) OVER (PARTITION BY collector ORDER BY sequence ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous
    FROM
    (
        SELECT collector, sequence, through, min(written_date) AS written_date, max(is_readable) AS vouched
        FROM
        (
            SELECT collector, sequence, written_date, readable > 0 AS is_readable FROM footfall.open_hits
            UNION ALL
            SELECT tail_collector AS collector, tail_sequence + 1 AS sequence, written_date, true AS is_readable
            FROM footfall.open_hits WHERE tail_sequence > 0
        ) AS expected
        LEFT JOIN (SELECT collector, max(through) AS through FROM footfall.complete GROUP BY collector) AS known USING (collector)
        WHERE sequence > through
        GROUP BY collector, sequence, through
    )
)
WHERE sequence > previous + 1 AND sequence <= highest
ORDER BY collector, from
