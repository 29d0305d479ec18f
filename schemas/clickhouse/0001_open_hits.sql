-- One row per journal sequence. A retried, replayed or doubled insert gives the same key and collapses; the row that knows
-- more stays: readable is 0 for a record that nobody could read, 1 for one whose visit is not known from its beginning (late and held
-- by no browser, or read again after the log was cut), 2 for all others. Readers use FINAL.
CREATE TABLE IF NOT EXISTS footfall.open_hits
(
    -- From the record's clear header: the same in every replay.
    site LowCardinality(String),
    collector UUID,
    sequence UInt64,
    written_date Date,
    source_id UUID,
    readable UInt8,

    -- view, leave, event, outbound, download; bot, repeat, dropped, expired, unreadable, lost, refused, control
    kind LowCardinality(String),
    reason LowCardinality(String),
    policy_revision UInt32,
    local_day Date,
    hour DateTime('UTC'),

    page LowCardinality(String),
    entry_page LowCardinality(String),
    previous_page LowCardinality(String),
    exit_page LowCardinality(String) ALIAS if(kind = 'view', page, ''),
    source LowCardinality(String),
    channel LowCardinality(String),
    campaign LowCardinality(String),
    country LowCardinality(String),
    isp LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    device LowCardinality(String),
    language LowCardinality(String),
    event LowCardinality(String),
    outbound LowCardinality(String),
    bot LowCardinality(String),

    views UInt8,
    visits UInt8,
    visitors UInt8,
    new_visitors UInt8,
    weekly_first UInt8,
    monthly_first UInt8,
    bounces Int8,
    visit_seconds UInt32,
    engaged_ms UInt32,
    page_visitors UInt8,
    events UInt8,
    event_value Int64 COMMENT 'thousandths',
    event_visitors UInt8,
    tail_collector UUID COMMENT 'a row of kind control names the collector before it in the same journal',
    tail_sequence UInt64 COMMENT 'and its last sequence, which must have a row too',
    count UInt64 COMMENT 'bare counts: hits not recorded for lack of consent, choices made'
)
ENGINE = ReplacingMergeTree(readable)
PARTITION BY written_date
ORDER BY (site, collector, sequence)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 0;

-- Up to which sequence each collector's rows are known to be complete, so that the hole check need not begin at 1.
CREATE TABLE IF NOT EXISTS footfall.complete
(
    collector UUID,
    through UInt64
)
ENGINE = ReplacingMergeTree(through)
ORDER BY collector
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
