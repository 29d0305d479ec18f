-- How far each log file has been imported. The collector is a hash of the site and the file's first bytes.
CREATE TABLE IF NOT EXISTS footfall.imports
(
    collector UUID,
    source_id UUID,
    site LowCardinality(String),
    head_bytes UInt64 COMMENT 'how many of the file''s first bytes name it',
    through UInt64 COMMENT 'last line whose row is written',
    imported_at DateTime('UTC')
)
ENGINE = ReplacingMergeTree(through)
ORDER BY collector
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
