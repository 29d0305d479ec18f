-- Erase orders that the audit chain does not know and copies of which were carried out. Of an entry that lost its number to another
-- one it knows nothing: it is appended again. Records live for two days, so older rows need not be looked at.
SELECT
    toString(subject) AS order,
    max(reason = 'erase_address') AS of_address,
    any(site) AS site,
    max(count) AS copies,
    uniqExact(collector, sequence) AS passed
FROM footfall.open_hits
WHERE kind = 'control' AND reason IN ('erase', 'erase_address') AND readable > 0
    AND written_date >= toDate(now('UTC')) - 7
    AND toString(subject) NOT IN
    (
        SELECT JSONExtractString(facts, 'order') FROM footfall.audit_chain WHERE action IN ('erase', 'erase_address')
        UNION ALL
        SELECT arrayJoin(JSONExtract(facts, 'orders', 'Array(String)')) FROM footfall.audit_chain WHERE action = 'erase'
    )
GROUP BY subject
HAVING max(count) > 0
ORDER BY min(written_date), order
