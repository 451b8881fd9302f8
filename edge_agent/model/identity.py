"""Identifiers. All are local or public (they name what is shown, never who saw it)."""

from typing import Annotated, NewType

from pydantic import StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
"""A name that is safe in topics, file names and TUF paths: no slash, no upper case, at most 64 characters."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest in lower-case hexadecimal."""

PlayId = NewType("PlayId", str)
"""One rendering. Unique on this device and never sent from it."""

DecisionId = NewType("DecisionId", str)
"""One decision. Unique on this device and never sent from it."""
