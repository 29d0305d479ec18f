-- Whether the visitor's own browser told what the hit adds. What reaches beyond a day (new_visitors, weekly_first, monthly_first) is
-- counted of these rows only, and shown with the share of traffic that they cover.
ALTER TABLE footfall.open_hits ADD COLUMN IF NOT EXISTS device_held UInt8;

-- A view keeps the columns that the table had when it was made.
CREATE OR REPLACE VIEW footfall.hits AS
SELECT *, exit_page
FROM footfall.open_hits FINAL
SETTINGS do_not_merge_across_partitions_select_final = 0;
