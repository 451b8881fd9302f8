"""Identifiers. All are local or public (they name what is shown, never who saw it)."""

import hashlib
from typing import Annotated, Final, NewType

from pydantic import StringConstraints, ValidationError, ValidatorFunctionWrapHandler, WrapValidator


def in_words(what: str) -> WrapValidator:
    """Say what a person should write, in place of a regular expression."""

    def judge(value: object, check: ValidatorFunctionWrapHandler) -> str:
        try:
            checked: str = check(value)
        except ValidationError as error:
            raise ValueError(what) from error
        return checked

    return WrapValidator(judge)


_IN_WORDS: Final = in_words('use 1 to 64 lower-case letters, digits, ".", "_" and "-", a letter or digit first')


_NAME: Final = "[a-z0-9][a-z0-9._-]{0,63}"

Identifier = Annotated[str, StringConstraints(pattern=rf"^{_NAME}$"), _IN_WORDS]
"""A name that is safe in topics, file names and TUF paths: no slash, no upper case, at most 64 characters."""

IdentifierOrNone = Annotated[str, StringConstraints(pattern=rf"^({_NAME})?$"), _IN_WORDS]
"""Such a name, or the empty text."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest in lower-case hexadecimal."""

PlayId = NewType("PlayId", str)
"""One rendering. Unique on this device and never sent from it."""

DecisionId = NewType("DecisionId", str)
"""One decision. Unique on this device and never sent from it."""


def sha256_hex(content: bytes) -> str:
    """Return what content is named by wherever it is kept, carried or signed: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
