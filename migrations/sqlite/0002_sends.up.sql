-- Compatible with versions that know 0001.
-- SQLite has no functions: there the statements are texts, and cost no round trip.
SELECT 1;
