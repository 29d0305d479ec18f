-- What the reports read: a hit once, whatever was inserted twice.
CREATE OR REPLACE VIEW footfall.hits AS
SELECT *, exit_page
FROM footfall.open_hits FINAL
SETTINGS do_not_merge_across_partitions_select_final = 0;

CREATE OR REPLACE VIEW footfall.report_overview AS
SELECT
    sum(views) AS views,
    sum(visits) AS visits,
    sum(visitors) AS visitors,
    greatest(0, sum(bounces)) AS bounces,
    if(visits = 0, 0, round(bounces / visits, 4)) AS bounce_rate,
    if(visits = 0, 0, round(sum(visit_seconds) / visits, 1)) AS visit_seconds_average,
    if(visits = 0, 0, round(views / visits, 2)) AS views_per_visit,
    round(sum(engaged_ms) / 1000, 1) AS engaged_seconds,
    sum(events) AS events,
    sum(event_value) / 1000 AS event_value
FROM footfall.hits
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date};

CREATE OR REPLACE VIEW footfall.report_timeline AS
SELECT
    local_day,
    sum(views) AS views,
    sum(visits) AS visits,
    sum(visitors) AS visitors,
    greatest(0, sum(bounces)) AS bounces,
    sum(visit_seconds) AS visit_seconds,
    sum(events) AS events
FROM footfall.hits
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
    AND kind IN ('view', 'leave', 'event', 'outbound', 'download')
GROUP BY local_day
ORDER BY local_day
WITH FILL FROM {from:Date} TO {to:Date} + 1;

-- One dimension by value. A view leaves its page (+1) and takes back the exit of the page before (-1).
CREATE OR REPLACE VIEW footfall.report_breakdown AS
SELECT
    cell.1 AS value,
    sum(if(cell.2 = 1, views, 0)) AS views,
    sum(if(cell.2 = 1, visits, 0)) AS visits,
    sum(if(cell.2 = 1, visitors, 0)) AS visitors,
    sum(if(cell.2 = 1, page_visitors, 0)) AS page_visitors,
    greatest(0, sum(if(cell.2 = 1, bounces, 0))) AS bounces,
    greatest(0, sum(if({dimension:String} = 'exit_page', cell.2, 0))) AS exits,
    sum(if(cell.2 = 1, events, 0)) AS events,
    sum(if(cell.2 = 1, event_visitors, 0)) AS event_visitors,
    sum(if(cell.2 = 1, event_value, 0)) / 1000 AS event_value
FROM
(
    SELECT
        *,
        arrayJoin(if({dimension:String} = 'exit_page' AND previous_page != '' AND kind = 'view',
            [(toString(exit_page), toInt8(1)), (toString(previous_page), toInt8(-1))],
            [([toString(page), toString(entry_page), toString(exit_page), toString(source), toString(channel), toString(campaign),
                toString(country), toString(isp), toString(browser), toString(os), toString(device), toString(language), toString(event),
                toString(outbound)][greatest(1, indexOf(['page', 'entry_page', 'exit_page', 'source', 'channel', 'campaign', 'country', 'isp',
                'browser', 'os', 'device', 'language', 'event', 'outbound'], {dimension:String}))], toInt8(1))])) AS cell
    FROM footfall.hits
    -- A subquery, so that it is asked where there are no rows too.
    WHERE (SELECT throwIf({dimension:String} NOT IN ('page', 'entry_page', 'exit_page', 'source', 'channel', 'campaign', 'country', 'isp',
            'browser', 'os', 'device', 'language', 'event', 'outbound'),
            'unknown dimension: use page, entry_page, exit_page, source, channel, campaign, country, isp, browser, os, device, language, event or outbound')) = 0
        AND site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
        AND kind IN ('view', 'leave', 'event', 'outbound', 'download')
)
WHERE cell.1 != ''
GROUP BY value
HAVING views != 0 OR visits != 0 OR exits != 0 OR events != 0
ORDER BY visitors DESC, views DESC, value;

CREATE OR REPLACE VIEW footfall.report_bots AS
SELECT bot, count() AS hits
FROM footfall.hits
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date} AND kind = 'bot'
GROUP BY bot
ORDER BY hits DESC, bot;

-- Everything is accounted for: what became of every record, by kind and reason.
CREATE OR REPLACE VIEW footfall.report_quality AS
SELECT kind, reason, count() AS records, sum(count) AS bare_count
FROM footfall.hits
WHERE site IN ({site:String}, '') AND local_day BETWEEN {from:Date} AND {to:Date}
GROUP BY kind, reason
ORDER BY records DESC, kind, reason;

CREATE OR REPLACE VIEW footfall.report_consent AS
SELECT local_day, policy_revision, reason AS outcome, sum(count) AS count
FROM footfall.hits
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date} AND kind = 'consent'
GROUP BY local_day, policy_revision, outcome
ORDER BY local_day, policy_revision, outcome;
