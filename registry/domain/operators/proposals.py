"""Four eyes: the commands about an operator for which a rule can want a second person, by the event
that each of them makes.

Whether a rule does is decided in registry/domain/operator_second_person.py.
"""

from __future__ import annotations

from registry.domain.operators.events import Operator

#: The command of each event for which a second person may be needed.
COMMAND_OF_EVENT: dict[type[Operator.Event], str] = {
    Operator.Annulled: "annul_authorisation",
    Operator.Corrected: "correct_record",
    Operator.Expired: "expire_authorisation",
    Operator.Granted: "grant_authorisation",
    Operator.Listed: "list_operator",
    Operator.Merged: "merge_into",
    Operator.NotAccepted: "reject_application",
    Operator.PersonErased: "erase_person",
    Operator.Refused: "refuse_application",
    Operator.Renewed: "renew_authorisation",
    Operator.Revoked: "revoke_authorisation",
    Operator.Split: "split_from",
    Operator.Surrendered: "surrender_authorisation",
    Operator.Suspended: "suspend_authorisation",
    Operator.SuspensionExtended: "extend_suspension",
    Operator.SuspensionLifted: "lift_suspension",
    Operator.TypeChanged: "change_type",
    Operator.Unlisted: "list_operator",
}
