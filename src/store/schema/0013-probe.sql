-- SPDX-License-Identifier: Apache-2.0
-- What disk_full says when the database's files cannot grow, else NULL: what does not fit into work_mem goes to a temporary
-- file beside them. Costs a few blocks of the page cache and no WAL. A limit on temporary files says nothing of the disk.
CREATE FUNCTION queue_probe() RETURNS text LANGUAGE plpgsql SET work_mem = '64kB' SET temp_tablespaces = '' AS $$
BEGIN
    PERFORM count(*) FROM generate_series(1, 8192);
    RETURN NULL;
EXCEPTION
    WHEN disk_full THEN
        RETURN SQLERRM;
    WHEN configuration_limit_exceeded THEN
        RETURN NULL;
END $$;
