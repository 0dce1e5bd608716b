-- What was typed into a form of a command when the session had ended, until the same browser is signed in again.
set local role aeo_owner;

create table access.form_draft (
    id uuid primary key,                     -- The id of the command of the form (idempotency key)
    browser bytea not null,                  -- SHA-256 of the token of the browser's forms: nobody else is shown it
    address text not null,                   -- The page of the form
    fields jsonb not null,                   -- What was typed, by the names of the form's fields
    saved timestamptz not null default clock_timestamp() -- It is dropped a day later
);
create index form_draft_saved on access.form_draft (saved);

grant select, insert, update, delete on access.form_draft to aeo_reader;

reset role;
