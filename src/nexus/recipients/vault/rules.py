"""What identity data looks like, and how it is sealed: for one person, in one place."""

import secrets
import unicodedata
from typing import Any
from uuid import UUID

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from nexus.core.crypto import DEFAULT, Profile
from nexus.core.refusals import GuardFailed, Invalid
from nexus.recipients.vault.model import IdentityField

VAULT = "vault"
"""The key of the Vault in `session.info`, put there by whoever makes the sessions."""
LONGEST = {IdentityField.NAME: 100, IdentityField.ADDRESS: 300}
KEY_VERSION = 1


class VaultClosed(GuardFailed):
    """This process was started without the key of the vault."""

    code = "VAULT_CLOSED"


class Vault:
    """Seals and opens with keys derived from the root; the root itself is not kept."""

    key_version = KEY_VERSION

    def __init__(self, root: bytes, profile: Profile = DEFAULT) -> None:
        self.profile = profile
        size = profile.sealing.key_bytes
        self._wrapping = profile.derive(root, f"nexus/vault/wrap/{KEY_VERSION}", size)
        self._blinding = profile.derive(root, "nexus/vault/blind")

    def new_person_key(self) -> bytes:
        """A fresh data key for one person."""
        return secrets.token_bytes(self.profile.sealing.key_bytes)

    def wrap(self, person_key: bytes, recipient_id: UUID) -> bytes:
        """The data key sealed by the master key for this person's row."""
        return self.profile.sealing.seal(self._wrapping, person_key, _wrapped_at(recipient_id))

    def unwrap(self, wrapped: bytes, recipient_id: UUID) -> bytes:
        """The data key; SealError when the wrapped key is another person's."""
        return self.profile.sealing.open(self._wrapping, wrapped, _wrapped_at(recipient_id))

    def seal(
        self, person_key: bytes, recipient_id: UUID, field: IdentityField, plain: str
    ) -> bytes:
        """The field's ciphertext, good only in this row, field and key version."""
        place = _entry_at(recipient_id, field, KEY_VERSION)
        return self.profile.sealing.seal(person_key, plain.encode(), place)

    def open(
        self,
        person_key: bytes,
        recipient_id: UUID,
        field: IdentityField,
        sealed: bytes,
        key_version: int,
    ) -> str:
        """The field in clear; SealError when the ciphertext stands in another place."""
        place = _entry_at(recipient_id, field, key_version)
        return self.profile.sealing.open(person_key, sealed, place).decode()

    def blind(self, field: IdentityField, plain: str) -> bytes:
        """The keyed hash a normalised value is found by."""
        return self.profile.keyed_hash(self._blinding, f"{field.value}\x1f{plain}".encode())


def _wrapped_at(recipient_id: UUID) -> bytes:
    return f"person_key\x1f{recipient_id}\x1fwrapped_key\x1f{KEY_VERSION}".encode()


def _entry_at(recipient_id: UUID, field: IdentityField, key_version: int) -> bytes:
    return f"identity_field\x1f{recipient_id}\x1f{field.value}\x1f{key_version}".encode()


def session_info(root: bytes, profile: Profile = DEFAULT) -> dict[str, Any]:
    """What sessions carry so that operations can use the vault: made once, where they are made."""
    return {VAULT: Vault(root, profile)}


def input_secret(root: bytes, profile: Profile = DEFAULT) -> bytes:
    """The key of the hashes of mutations' inputs, so that a hash tells nothing of an ID number."""
    return profile.derive(root, "nexus/input-hash")


def check_id_number(text: str) -> str:
    """A GB 11643 number of 18 characters, normalised. The refusal never repeats the number."""
    folded = text.translate(_FULL_WIDTH).upper()
    number = "".join(character for character in folded if character not in " -\u3000")
    if not _is_id_number(number):
        raise Invalid(
            "This is no valid ID number (GB 11643, 18 characters): "
            "compare it with the card, the last character is a check.",
            field="idNumber",
        )
    return number


def _is_id_number(number: str) -> bool:
    """The place of birth is not looked up: residents from Hong Kong and Macao have 81 and 82."""
    if len(number) != 18 or not (number.isascii() and number[:17].isdigit()):
        return False
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    return number[17] == ric.calc_check_digit(number)


def name_key(vault: Vault, name: str) -> bytes:
    """The keyed hash that one name is found by, however it is spaced or wide."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return vault.blind(IdentityField.NAME, "".join(folded.replace("·", "").split()))


def birth_year(id_number: str) -> int:
    """The year of birth in a checked ID number."""
    return int(id_number[6:10])


def check_phone(text: str) -> str:
    """Digits with an optional leading plus; 5 to 15 of them (E.164)."""
    kept = "".join(c for c in text.strip().translate(_FULL_WIDTH) if c not in " -()")
    digits = kept.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and 5 <= len(digits) <= 15):
        raise Invalid(
            "A phone number has 5 to 15 digits, with the area code for a landline.", field="phone"
        )
    return kept


def check_text(field: IdentityField, text: str) -> str:
    """A name or address: not empty, one line, not longer than the field."""
    kept = " ".join(text.split())
    if not 0 < len(kept) <= LONGEST[field]:
        raise Invalid(f"{field.value} needs 1 to {LONGEST[field]} characters.", field=field.value)
    return kept


def check_identity(given: dict[IdentityField, str]) -> dict[IdentityField, str]:
    """Every given field checked and normalised; at least one."""
    if not given:
        raise Invalid("Give at least one of name, idNumber, phone, address.")
    checks = {IdentityField.ID_NUMBER: check_id_number, IdentityField.PHONE: check_phone}
    return {
        field: checks[field](text) if field in checks else check_text(field, text)
        for field, text in given.items()
    }


_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
