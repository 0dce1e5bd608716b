-- How far the log is: one row. It moves in one transaction with leaves and tiles; otherwise a crash would break
-- the log. Size and position never decrease.
create table proof.state (
    one boolean not null default true,       -- Always true: the table has one row
    size bigint not null,                    -- How many leaves the tree has
    position bigint not null,                -- Of the last event that is in the tree
    constraint state_pkey primary key (one),
    constraint state_is_one_row check (one)
);

create trigger state_never_goes_back before update on proof.state
    for each row execute function proof.refuse_going_back();
alter table proof.state enable always trigger state_never_goes_back;

insert into proof.state (size, position) values (0, 0);

grant select, update on proof.state to aeo_projector;
grant select on proof.state to aeo_auditor, aeo_reader, aeo_signer;
