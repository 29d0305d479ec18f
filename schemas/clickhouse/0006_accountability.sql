-- What can be shown to a person, a supervisory authority or marketing: a chain of what was erased and destroyed, and how much
-- of the traffic the reports cover.

-- Append-only. Each entry names the hash of the one before, so that none can be changed, removed or put in between without
-- breaking the chain; who notes the last hash sees that its end was not cut off. No personal information, and no time of what
-- it tells of that is finer than the hour.
CREATE TABLE IF NOT EXISTS footfall.audit
(
    number UInt64 COMMENT '1, 2, 3, …',
    at DateTime('UTC') COMMENT 'the hour',
    action LowCardinality(String) COMMENT 'erase, erase_address, keys_destroyed',
    facts String COMMENT 'canonical JSON (RFC 8785)',
    previous String COMMENT 'the hash of the entry before; 64 zeros in the first one',
    hash String COMMENT 'SHA-256, in hexadecimal, of the canonical JSON of {action, at, facts, number, previous}',
    inserted_at DateTime64(6, 'UTC') COMMENT 'the server''s clock, to tell which of two of one number came first'
)
ENGINE = MergeTree
ORDER BY (number, inserted_at, hash)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 0;

-- The entries that count. Of two of one number, written at the same time, it is the one that the next entry names, and as long
-- as there is none the first; whoever wrote the other appends it again.
CREATE OR REPLACE VIEW footfall.audit_chain AS
SELECT number, at, action, facts, previous, hash
FROM footfall.audit
ORDER BY number, hash IN (SELECT previous FROM footfall.audit) DESC, inserted_at, hash
LIMIT 1 BY number;

-- Which share of a day's hits is missing in the reports because nobody permitted to record them. A visitor who refused and whose
-- browser keeps that on the page sends nothing any more, so the true share is higher. Bots are in neither figure.
CREATE OR REPLACE VIEW footfall.report_coverage AS
SELECT
    local_day,
    toUInt64(countIf(kind IN ('view', 'leave', 'event', 'outbound', 'download'))) AS recorded,
    sumIf(count, kind = 'consent' AND reason IN ('refused', 'refused_by_gpc', 'refused_by_dnt', 'refused_by_malformed_choice', 'unasked'))
        AS not_recorded,
    if(recorded + not_recorded = 0, NULL, round(not_recorded / (recorded + not_recorded), 4)) AS not_recorded_share
FROM footfall.hits
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
    AND kind IN ('view', 'leave', 'event', 'outbound', 'download', 'consent')
GROUP BY local_day
ORDER BY local_day
WITH FILL FROM {from:Date} TO {to:Date} + 1;
