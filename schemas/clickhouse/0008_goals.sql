-- The goals of each site as the configuration names them. A site's list is one row, so that it changes as a whole whichever
-- program writes it; the latest stands.
CREATE TABLE IF NOT EXISTS footfall.goal_lists
(
    site String,
    goals Array(String) COMMENT 'their names',
    kinds Array(String) COMMENT 'event, page, outbound',
    patterns Array(String) COMMENT 'regular expressions over events, pages or outbound domains',
    written_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY site
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW footfall.goals AS
SELECT site, position, goal, kind, pattern
FROM footfall.goal_lists FINAL
ARRAY JOIN goals AS goal, kinds AS kind, patterns AS pattern, arrayEnumerate(goals) AS position;

-- Every goal, in the configuration's order. Persons count once a day for each event, page or domain; a person who sees two pages
-- of one pattern counts for each, hence the limit of the rate.
CREATE OR REPLACE VIEW footfall.report_goals AS
SELECT
    goal,
    sumIf(hits, is_reached) AS conversions,
    sumIf(first_hits, is_reached) AS persons,
    if(site_visitors = 0, 0, least(1, round(persons / site_visitors, 4))) AS conversion_rate,
    sumIf(value, is_reached) / 1000 AS event_value
FROM
(
    SELECT
        goals.position AS position,
        goals.goal AS goal,
        done.hits AS hits,
        done.first_hits AS first_hits,
        done.value AS value,
        goals.kind = done.kind AND match(done.name, goals.pattern) AS is_reached,
        (SELECT sum(visitors) FROM footfall.hits WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}) AS site_visitors
    FROM footfall.goals AS goals
    CROSS JOIN
    (
        SELECT
            if(kind = 'view', 'page', toString(kind)) AS kind,
            multiIf(kind = 'page', toString(page), kind = 'event', toString(event), toString(outbound)) AS name,
            count() AS hits,
            sum(if(kind = 'page', page_visitors, event_visitors)) AS first_hits,
            sum(event_value) AS value
        FROM footfall.hits
        WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date} AND hits.kind IN ('view', 'event', 'outbound')
        GROUP BY kind, name
        -- A goal stands in the report without any hit too.
        UNION ALL SELECT '', '', toUInt64(0), toUInt64(0), toInt64(0)
    ) AS done
    WHERE goals.site = {site:String}
)
GROUP BY position, goal, site_visitors
ORDER BY position;

-- One goal by what is frozen in a visit's hits: its source, its entry page, its device. A visitor is of the value of his first hit of
-- the day, and may reach the goal under another, hence the limit of the rate.
CREATE OR REPLACE VIEW footfall.report_goal_credit AS
SELECT
    value,
    countIf(is_reached) AS conversions,
    sumIf(if(kind = 'view', page_visitors, event_visitors), is_reached) AS persons,
    sum(visitors) AS visitors,
    multiIf(persons = 0, 0, visitors = 0, 1, least(1, round(persons / visitors, 4))) AS conversion_rate,
    sumIf(event_value, is_reached) / 1000 AS event_value
FROM
(
    SELECT
        kind, page_visitors, event_visitors, visitors, event_value,
        [toString(source), toString(channel), toString(campaign), toString(entry_page), toString(country), toString(device),
            toString(browser), toString(os)][greatest(1, indexOf(['source', 'channel', 'campaign', 'entry_page', 'country', 'device',
            'browser', 'os'], {dimension:String}))] AS value,
        if(kind = 'view', 'page', toString(kind)) = (SELECT any(kind) FROM footfall.goals WHERE site = {site:String} AND goal = {goal:String})
            AND match(multiIf(kind = 'view', toString(page), kind = 'event', toString(event), toString(outbound)),
            (SELECT any(pattern) FROM footfall.goals WHERE site = {site:String} AND goal = {goal:String})) AS is_reached
    FROM footfall.hits
    -- Subqueries, so that they are asked where there are no rows too.
    WHERE (SELECT throwIf({dimension:String} NOT IN ('source', 'channel', 'campaign', 'entry_page', 'country', 'device', 'browser', 'os'),
            'unknown dimension: use source, channel, campaign, entry_page, country, device, browser or os')) = 0
        AND (SELECT throwIf(count() = 0, (SELECT concat('unknown goal: use ', arrayStringConcat(groupArray(goal), ', '))
            FROM footfall.goals WHERE site = {site:String})) FROM footfall.goals WHERE site = {site:String} AND goal = {goal:String}) = 0
        AND site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
        AND kind IN ('view', 'leave', 'event', 'outbound', 'download')
)
WHERE value != ''
GROUP BY value
HAVING conversions != 0 OR visitors != 0
ORDER BY conversions DESC, visitors DESC, value;
