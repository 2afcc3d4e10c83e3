-- Links that prove who reads a mailbox, or that an administrator hands over: each good once, for a while.
set role syncline_owner;
alter table platform.users add column email_verified_at timestamptz;

create table platform.account_links (
  token_hash bytea primary key,
  user_id uuid not null references platform.users on delete cascade,
  purpose text not null check (purpose in ('reset', 'verify')),
  -- The address it was sent to: another address since then is not proved by it.
  email text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now()
);
create index account_links_user on platform.account_links (user_id);
grant select, insert, update, delete on platform.account_links to syncline_app;

reset role;

-- Whether an account is of one organization alone, those that shut it out counted too.
create function platform.is_only_in(person uuid, organization uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select not exists (
    select from crm.members m where m.user_id = person and m.organization_id <> organization
  )
$$;
alter function platform.is_only_in(uuid, uuid) owner to syncline_log;
revoke all on function platform.is_only_in(uuid, uuid) from public;
grant execute on function platform.is_only_in(uuid, uuid) to syncline_app;
