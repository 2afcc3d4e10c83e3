-- When each job of the clock is due, and who is at it: nodes share this, so that each run is one node's.
set role syncline_owner;
create table platform.jobs (
  name text primary key,
  due_at timestamptz not null default now(),
  -- The number of the run; a node that was thought dead finds that it is not its run any more.
  run bigint not null default 0,
  leased_until timestamptz not null default '-infinity',
  finished_at timestamptz
);
reset role;
