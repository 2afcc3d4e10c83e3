-- A list of a hundred thousand customers is ordered and searched by text that is made once for each of
-- them. It is derived, so it stands beside the record and out of the log.
set role syncline_owner;

-- Text as lists order it: 2 before 10. The browser's `sortText` does the same.
create function crm.sort_text(words text) returns text language sql immutable parallel safe as $$
  select regexp_replace(regexp_replace(crm.plain_text(words), '([0-9]+)', '000000000000000\1', 'g'),
    '[0-9]*([0-9]{15})', '\1', 'g') $$;

create table crm.customer_search (
  organization_id uuid not null,
  id uuid not null,
  sort_name text collate "C" not null,
  search_text text not null,
  primary key (organization_id, id),
  foreign key (organization_id, id) references crm.customers on delete cascade
);

create function crm.keep_customer_search() returns trigger language plpgsql as $$
begin
  insert into crm.customer_search as s values (new.organization_id, new.id, crm.sort_text(new.name),
    crm.plain_text(concat_ws(' ', nullif(new.code, ''), nullif(new.name, ''), nullif(new.company, ''),
      nullif(new.email, ''), nullif(new.phone, ''), nullif(new.city, ''))))
  on conflict (organization_id, id) do update set sort_name = excluded.sort_name, search_text = excluded.search_text;
  return null;
end $$;
create trigger keep_customer_search after insert or update of code, name, company, email, phone, city
  on crm.customers for each row execute function crm.keep_customer_search();
reset role;

select sync.fence('crm.customer_search');
insert into crm.customer_search
  select organization_id, id, crm.sort_text(name),
    crm.plain_text(concat_ws(' ', nullif(code, ''), nullif(name, ''), nullif(company, ''),
      nullif(email, ''), nullif(phone, ''), nullif(city, '')))
  from crm.customers;
