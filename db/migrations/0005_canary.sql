-- One row, in an organization of nobody's, that is changed every few seconds: so the way from a commit to
-- the gateway is walked, and known to be whole, even while nobody works.
set role syncline_owner;
create table sync.canaries (
  id uuid primary key,
  organization_id uuid not null,
  beat bigint not null default 0,
  rev bigint not null default 0,
  updated_at timestamptz not null default now()
);
reset role;
select sync.fence('sync.canaries');
select sync.track('sync.canaries', 'canaries');
