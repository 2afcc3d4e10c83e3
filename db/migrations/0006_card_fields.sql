-- Which fields a person wants on the cards of the board; null shows them all.
set role syncline_owner;
alter table crm.members add column card_fields text[]
  check (card_fields <@ array['customer', 'tags', 'activity', 'owner', 'closing', 'days']);
reset role;
