-- Whom a note names; and the way from a run to the transactions that it made, for who undoes it.
set role syncline_owner;
alter table crm.activities add column mentions uuid[] not null default '{}';
create index change_tx_run on sync.change_tx (organization_id, run_id, pos) where run_id is not null;
reset role;
