"""Asking the running agent over its Unix socket (shell: sockets). Standard library only, so that it starts fast."""

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from edge_agent.model.errors import EdgeAgentError

TIMEOUT_S: Final = 10.0


class AgentRefusedError(EdgeAgentError):
    """The agent answered, and said no."""


def running_agent(
    config: Path, socket_path: Path | None, target: str, body: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Post `body` to `target` on the agent of this device (None: get it) and return what it answers.

    Leaves with exit code 1 and a sentence when there is no such agent; raises as `post` otherwise.
    """
    from edge_agent.cli.output import fail
    from edge_agent.settings.layers import load_settings

    path = socket_path if socket_path is not None else load_settings(config).debug.socket
    if path is None:
        fail("This agent has no socket.", "Set debug.socket in agent.toml.")
    answer = get(path, target) if body is None else post(path, target, body)
    if answer is None:
        fail(f"No agent listens on {path}.", "Start it with edge-agent run, or name another with --socket.")
    return answer


def get(path: Path, target: str) -> dict[str, Any] | None:
    """Return what the agent behind the socket `path` answers for `target`; None and errors as with `post`."""
    return _ask(path, "GET", target, None)


def post(path: Path, target: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Send `body` as JSON to `target` on the agent behind the socket `path` and return its answer.

    None when no agent listens there. Raises AgentRefusedError with the agent's own sentence when it refuses, and
    EdgeAgentError when it does not answer properly.
    """
    return _ask(path, "POST", target, json.dumps(body))


def somebody_listens(path: Path) -> bool:
    """Whether an agent runs behind the socket `path`, as far as this user may know; one that died leaves a file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as tried:
        tried.settimeout(TIMEOUT_S)
        try:
            tried.connect(str(path))
        except PermissionError:
            return True
        except OSError:
            return False
    return True


def _ask(path: Path, method: str, target: str, body: str | None) -> dict[str, Any] | None:
    connection = _UnixConnection(path)
    try:
        connection.request(method, target, body, {} if body is None else {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except PermissionError as error:
        raise EdgeAgentError(
            f"You may not use the agent's socket {path}.", "Join its group (see ls -l), or use sudo."
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise EdgeAgentError(f"The agent on {path} did not answer properly: {error}.", "See its log.") from error
    finally:
        connection.close()
    if response.status >= http.client.BAD_REQUEST:
        raise AgentRefusedError(str(answer.get("error", response.reason)), str(answer.get("next_step", "")))
    if not isinstance(answer, dict):
        raise EdgeAgentError(f"What listens on {path} is not an agent.", "Check the path.")
    return answer


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of an address."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
