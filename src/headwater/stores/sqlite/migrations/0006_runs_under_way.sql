-- Runs that are not complete have an index of their own, which stays small while most runs complete:
-- in one index with the others each run was written at two places of its job, now at one.
DROP INDEX run_by_job;
CREATE INDEX run_by_job ON run (job_id, at, run_id, version_id) WHERE complete = 1;
CREATE INDEX run_under_way ON run (job_id, at, run_id, version_id) WHERE complete = 0;
