"""The sentences of the check of a certificate: one for each finding, one for each check."""

from __future__ import annotations

from api.credentials.checking import CheckKind, CredentialFinding
from api.languages.language import N_

FINDINGS = {
    CredentialFinding.VALID: N_("This certificate is genuine, and the authorisation is valid now."),
    CredentialFinding.SUSPENDED: N_(
        "This certificate is genuine, but the authorisation is suspended now."
    ),
    CredentialFinding.PART_SUSPENDED: N_(
        "This certificate is genuine, but the part of the authorisation that counts abroad is"
        " suspended now."
    ),
    CredentialFinding.HAS_ENDED: N_(
        "This certificate is genuine, but the authorisation has ended."
    ),
    CredentialFinding.WITHDRAWN: N_(
        "This certificate was withdrawn by its operator or its customs."
    ),
    CredentialFinding.NOT_CERTAIN: N_(
        "This certificate is genuine, but it is not certain whether the authorisation is valid"
        " now: a decision is awaited, or its day is not known."
    ),
    CredentialFinding.OUTDATED: N_(
        "This certificate is genuine, and the authorisation is valid now, but the register does not"
        " state it as written here any more: the name, the number or the type is another. Ask the"
        " operator for a new certificate."
    ),
    CredentialFinding.BEHIND: N_(
        "This certificate is genuine, but it cannot be said whether the authorisation is valid now:"
        " something was recorded that does not show here yet. Check it again in a moment."
    ),
    CredentialFinding.EXPIRED: N_(
        "This certificate has expired. The authorisation itself is looked up below; ask the"
        " operator for a new certificate."
    ),
    CredentialFinding.NOT_YET_VALID: N_(
        "This certificate is not valid yet. Perhaps a clock is wrong; check it again in a moment."
    ),
    CredentialFinding.ALTERED: N_(
        "This is not what the register signed: the text was altered after it was issued."
    ),
    CredentialFinding.UNKNOWN_KEY: N_(
        "This names the register as its issuer, but no key of the register signed it."
    ),
    CredentialFinding.NOT_ISSUED: N_(
        "The signature is the register's, but the register has issued no such certificate."
    ),
    CredentialFinding.NOT_IN_LOG: N_(
        "The signature is the register's, but its public log does not confirm the decision that"
        " the certificate rests on."
    ),
    CredentialFinding.OTHER_REGISTER: N_(
        "This is of another register, %(issuer)s, and was not checked here. Ask there."
    ),
    CredentialFinding.NO_CREDENTIAL: N_("This is no certificate of a register (%(why)s)."),
    CredentialFinding.UNKNOWN_CODE: N_(
        "The register has issued nothing with this code. Compare it with what is printed, letter"
        " by letter."
    ),
    CredentialFinding.PDF_NOT_OURS: N_(
        "This PDF is no certificate of this register: it carries no signed credential."
    ),
    CredentialFinding.PDF_ALTERED: N_(
        "This PDF was altered: it is not, byte by byte, the file that the register made. Do not"
        " trust what is written on it."
    ),
    CredentialFinding.PDF_LOCKED: N_(
        "This PDF is protected with a password or encrypted, so nothing in it was checked. Give the"
        " file as the register made it, or the code that is printed on it."
    ),
    CredentialFinding.LINK_HAS_ENDED: N_(
        "This link has ended. That says nothing of the operator; ask it for a new link."
    ),
    CredentialFinding.NO_QR_CODE: N_(
        "No QR code was found in this picture, so nothing was checked. Take it again from nearer,"
        " or type the code that is printed beside it."
    ),
    CredentialFinding.OTHER_FILE: N_(
        "This file is no PDF, no text and no picture (PNG, JPEG, WebP or GIF), so nothing was"
        " checked."
    ),
    CredentialFinding.TOO_LARGE: N_("This file is too large: at most 3 MB. Nothing was checked."),
    CredentialFinding.NOT_UNDERSTOOD: N_(
        "This is no code, link, credential or receipt, so nothing was checked. A code has 20"
        " letters and digits in groups of five."
    ),
    CredentialFinding.RECEIPT_STANDS: N_(
        "The register gave this answer, and it answers the same now: recognised."
    ),
    CredentialFinding.RECEIPT_CHANGED: N_(
        "The register gave this answer then. Now it answers otherwise."
    ),
    CredentialFinding.RECEIPT_GENUINE: N_(
        "The register gave this answer then. It says nothing about today: ask again for that."
    ),
    CredentialFinding.RECEIPT_NOT_SHOWN: N_(
        "This has the form of the id of a receipt. The register shows a receipt to whoever asked"
        " for it, and to auditors; anybody can give the receipt itself: its PDF, or its text."
    ),
    CredentialFinding.RECEIPT_ALTERED: N_(
        "This is not the receipt that the register signed: it was altered."
    ),
}

CHECKS = {
    CheckKind.SEAL: N_("The file is, byte by byte, the one that the register made"),
    CheckKind.SIGNATURE: N_("A key of the register signed it"),
    CheckKind.ISSUER: N_("The register issued it"),
    CheckKind.DATES: N_("It is within its dates"),
    CheckKind.STATUS_LIST: N_("The status lists show neither a suspension nor an end"),
    CheckKind.LOG: N_("The decision is in the public log"),
    CheckKind.CHECKPOINT: N_("The log is the same one today, and signed"),
    CheckKind.REGISTER: N_("The register states now that the authorisation is valid"),
}
