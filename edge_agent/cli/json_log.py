"""The log for programs: one JSON object a line."""

import json
import logging
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """Formats a record as `{"at": …, "level": …, "logger": …, "message": …}`; a traceback is part of the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record on one line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        document = {"at": at, "level": record.levelname, "logger": record.name, "message": super().format(record)}
        return json.dumps(document, ensure_ascii=False)
