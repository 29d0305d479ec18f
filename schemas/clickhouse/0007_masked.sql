-- Which rules masked something in a hit's addresses, so that an operator sees what they do to his pages; never what was masked.
ALTER TABLE footfall.open_hits
    ADD COLUMN IF NOT EXISTS masked UInt32 COMMENT 'bits of the rules that masked a part of the address: 0 :email, 1 :name, 2 :phone, 3 :id, 4 :ip, 5 :token, 6 :long, 7 :encoded, 8 :pattern, 9 :rest, 10 :parameter';

-- The views name the columns that there were when they were made.
CREATE OR REPLACE VIEW footfall.hits AS
SELECT *, exit_page
FROM footfall.open_hits FINAL
SETTINGS do_not_merge_across_partitions_select_final = 0;

-- Every rule with the hits in whose addresses it masked something. A leave has its view's address and is not counted again.
CREATE OR REPLACE VIEW footfall.report_masked AS
SELECT cell.1 AS rule, cell.2 AS hits
FROM
(
    SELECT arrayJoin([
        (':email', countIf(bitTest(masked, 0))),
        (':name', countIf(bitTest(masked, 1))),
        (':phone', countIf(bitTest(masked, 2))),
        (':id', countIf(bitTest(masked, 3))),
        (':ip', countIf(bitTest(masked, 4))),
        (':token', countIf(bitTest(masked, 5))),
        (':long', countIf(bitTest(masked, 6))),
        (':encoded', countIf(bitTest(masked, 7))),
        (':pattern', countIf(bitTest(masked, 8))),
        (':rest', countIf(bitTest(masked, 9))),
        (':parameter', countIf(bitTest(masked, 10)))
    ]) AS cell
    FROM footfall.hits
    WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
        AND kind IN ('view', 'event', 'outbound', 'download')
)
ORDER BY hits DESC, rule;
