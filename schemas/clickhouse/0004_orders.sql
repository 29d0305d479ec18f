-- Erase orders and keys, as control records tell of them.
ALTER TABLE footfall.open_hits
    ADD COLUMN IF NOT EXISTS subject UUID COMMENT 'which erase order or key a row of kind control speaks of; its count is the copies of the order';

-- The views name the columns that there were when they were made.
CREATE OR REPLACE VIEW footfall.hits AS
SELECT *, exit_page
FROM footfall.open_hits FINAL
SETTINGS do_not_merge_across_partitions_select_final = 0;
