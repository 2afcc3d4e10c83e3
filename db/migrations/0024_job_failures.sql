-- How often a job of the clock has failed since it was last done, and what went wrong last.
set role syncline_owner;
alter table platform.jobs
  add column failures integer not null default 0,
  add column failed_at timestamptz,
  add column last_error text;
reset role;
