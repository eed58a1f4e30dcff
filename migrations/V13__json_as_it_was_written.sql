-- Facts, contacts and stored headers are read whole and never searched by their insides. `json` keeps the text as it
-- was written; `jsonb` took it apart and put it together again with each write and each read.
alter table journal alter column body type json using body::json;
alter table contact alter column body type json using body::json;
alter table idempotency alter column headers type json using headers::json;
