-- What a change was refused is kept as its answer would be: of two attempts under way at once, one that is
-- refused and one that is done, only one may be.
set role syncline_owner;
alter table sync.mutations add column refusal jsonb;

-- Keeps a refusal under the id of the change; false where an attempt was answered before.
create function sync.refuse(mutation text, change text, hash text, refusal jsonb) returns boolean language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
  insert into sync.mutations (organization_id, actor, mutation_id, name, request_hash, pos, refusal)
  values (sync.org(), coalesce(current_setting('app.actor', true), ''), mutation, change, hash, 0, refusal)
  on conflict do nothing;
  return found;
end $$;
revoke all on function sync.refuse(text, text, text, jsonb) from public;
grant execute on function sync.refuse(text, text, text, jsonb) to syncline_app;
reset role;
