-- Every answer about recognition asks which programmes share only with consent: few of many rules.
set local role aeo_owner;
set local search_path = views;

create index if not exists programme_rule_consent on programme_rule (programme)
    where rule = 'sharing_consent' and value = 'required';

reset role;
