"""The picture of a companion page: its link as a QR code. Pure."""

from io import BytesIO
from typing import Final

from edge_agent.model.errors import FormatError

SIDE_PX: Final = 900
"""About how wide the picture is: it fits every shipped screen, and a phone reads it from across a room."""
_QUIET_MODULES: Final = 4
"""The white around it that ISO/IEC 18004 asks for."""


def draw_qr_code(link: str) -> bytes:
    """Return a PNG whose QR code holds exactly `link`. Equal links give equal pictures.

    Raises FormatError where the package that draws it is not installed.
    """
    try:
        import segno  # noqa: PLC0415  only the operator's side has it
    except ImportError as error:
        raise FormatError(
            "Drawing a QR code needs the package segno.", "Run: pip install 'edge-agent[operator]'."
        ) from error
    code = segno.make_qr(link, error="m")
    modules = code.symbol_size(border=_QUIET_MODULES)[0]
    picture = BytesIO()
    code.save(picture, kind="png", scale=max(1, SIDE_PX // modules), border=_QUIET_MODULES)
    return picture.getvalue()
