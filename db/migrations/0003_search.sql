-- Text as search compares it: case-blind, accent-blind, е = ё. The browser's `plainText` does the same.
set role syncline_owner;
create function crm.plain_text(words text) returns text language sql immutable parallel safe as
$$ select regexp_replace(normalize(lower(words collate "und-x-icu"), nfd), '[\u0300-\u036f]', '', 'g') $$;
reset role;
