-- A key that leaves the organization out would tell one organization of another's rows.
alter table sync.canaries drop constraint canaries_pkey, add primary key (organization_id, id);
