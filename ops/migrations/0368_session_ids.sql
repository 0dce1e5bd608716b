-- The issuer's id of a person's session there, by which the issuer says that it has ended.
set local role aeo_owner;

alter table access.session
    -- The session at the issuer (claim sid); null: its tokens name none
    add column sid text,
    -- The person as the issuer knows it (claim sub), as a pseudonym; null: begun before it was kept
    add column account text;
create index session_issuer on access.session (issuer, account);

reset role;
