-- Sessions of people who signed in. A session is a row, so that it can be ended.
set local role aeo_owner;

create table access.session (
    digest bytea primary key,            -- SHA-256 of the value in the cookie
    subject text not null,               -- the subject: officer:CN
    agent text not null,                 -- the person, as a pseudonym
    issuer text not null,                -- where the person signed in
    begun timestamptz not null default clock_timestamp(), -- when it began
    expires timestamptz not null,        -- when it ends by itself
    ended timestamptz                    -- when it was ended; null: it was not
);
create index session_agent on access.session (subject, agent);
create index session_expires on access.session (expires);

grant select, insert, update, delete on access.session to aeo_reader;

reset role;
