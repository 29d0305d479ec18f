-- How far a page had been scrolled when it was left.
ALTER TABLE footfall.open_hits ADD COLUMN IF NOT EXISTS scroll_percent UInt8;

-- A view keeps the columns that the table had when it was made.
CREATE OR REPLACE VIEW footfall.hits AS
SELECT *, exit_page
FROM footfall.open_hits FINAL
SETTINGS do_not_merge_across_partitions_select_final = 0;

-- How long a view of a page was in use, and how far the page had been scrolled when it was left. A page that is hidden and shown
-- again is left more than once, each time as far as it had been scrolled until then.
CREATE OR REPLACE VIEW footfall.report_engagement AS
SELECT
    page,
    sum(views) AS views,
    if(views = 0, 0, round(sum(engaged_ms) / 1000 / views, 1)) AS engaged_seconds_average,
    if(countIf(kind = 'leave') = 0, 0, round(sumIf(scroll_percent, kind = 'leave') / countIf(kind = 'leave'))) AS scroll_percent_average
FROM footfall.hits
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date} AND kind IN ('view', 'leave')
GROUP BY page
ORDER BY views DESC, page;
