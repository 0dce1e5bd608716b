-- Whose a number is: one operator's within its issuing administration (certificates), or one operator's at a time
-- (identifiers of schemes that are unique by their own rules). The rows follow from the events
-- (registry/domain/operators/unique_numbers.py). They are stored because only under the lock of ledger.append is
-- it certain that nobody takes the same number at the same instant. Days are civil days of the home
-- administration.
create table ledger.held_number (
    scheme text not null,                    -- CERTIFICATE, or the scheme of an identifier
    issuer text not null,                    -- Of a certificate; empty: the scheme's own numbers
    value text not null,                     -- The normal form
    holder text not null,                    -- TIN
    home text not null,                      -- Its administration
    from_day date,                           -- Civil days of the home administration; null: without beginning, end
    to_day date,                             -- The last civil day, in the home administration's time zone
    shared boolean not null                  -- Why another may hold it, too, was said
);

create index on ledger.held_number (scheme, value);
create index on ledger.held_number (holder);

grant select on ledger.held_number to aeo_auditor, aeo_projector, aeo_writer;
