-- Weeks from the week of a visitor's first visit to this one; told by the first hit of each week, where the visitor's own browser
-- holds the state.
ALTER TABLE footfall.open_hits ADD COLUMN IF NOT EXISTS weeks_since_first UInt8;

-- A view keeps the columns that the table had when it was made.
CREATE OR REPLACE VIEW footfall.hits AS
SELECT *, exit_page
FROM footfall.open_hits FINAL
SETTINGS do_not_merge_across_partitions_select_final = 0;

-- Visitors of each local week (from Monday) and month: each is counted once in it, on its first day there, so the first ones are read
-- from their beginning. Both are known only of visitors whose browsers hold the state; covered is their share of the views. A browser
-- is known from the first hit on that brings its state back: whoever came once and saw one page is neither new nor of a week.
CREATE OR REPLACE VIEW footfall.report_uniques AS
SELECT
    span.1 AS period,
    span.2 AS begins,
    sum(if(span.1 = 'week', weekly_first, monthly_first)) AS visitors,
    sum(new_visitors) AS new_visitors,
    if(sum(views) = 0, 0, round(sumIf(views, device_held = 1) / sum(views), 4)) AS covered
FROM
(
    SELECT
        weekly_first, monthly_first, new_visitors, views, device_held,
        arrayJoin([('week', toMonday(local_day)), ('month', toStartOfMonth(local_day))]) AS span
    FROM footfall.hits
    WHERE site = {site:String}
        AND local_day BETWEEN least(toMonday({from:Date}), toStartOfMonth({from:Date})) AND {to:Date}
        AND kind IN ('view', 'leave', 'event', 'outbound', 'download')
)
WHERE span.2 >= if(span.1 = 'week', toMonday({from:Date}), toStartOfMonth({from:Date}))
GROUP BY period, begins
ORDER BY period, begins;

-- Of the visitors who were first known in a week, as above, how many came in the weeks after it. Week 0 is the first one; covered is
-- what such visitors' views are of all on these days.
CREATE OR REPLACE VIEW footfall.report_retention AS
SELECT
    first_week,
    week,
    visitors,
    if(began = 0, 0, round(visitors / began, 4)) AS share,
    (
        SELECT if(sum(views) = 0, 0, round(sumIf(views, device_held = 1) / sum(views), 4))
        FROM footfall.hits
        WHERE site = {site:String} AND local_day BETWEEN toMonday({from:Date}) AND {to:Date}
    ) AS covered
FROM
(
    SELECT first_week, week, visitors, sum(if(week = 0, visitors, 0)) OVER (PARTITION BY first_week) AS began
    FROM
    (
        SELECT
            toMonday(local_day) - 7 * weeks_since_first AS first_week,
            weeks_since_first AS week,
            sum(weekly_first) AS visitors
        FROM footfall.hits
        WHERE site = {site:String} AND local_day BETWEEN toMonday({from:Date}) AND {to:Date} AND weekly_first = 1
        GROUP BY first_week, week
        HAVING first_week >= toMonday({from:Date})
    )
)
ORDER BY first_week, week;
