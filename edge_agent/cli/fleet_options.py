"""What the `edge-agent fleet` commands share: options, and the operator's desk."""

import asyncio
import inspect
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer

from edge_agent.cli.output import counted, note, print_json, progress_bar, size

if TYPE_CHECKING:
    from edge_agent.fleet.publishing.broker import BrokerAddress
    from edge_agent.fleet.publishing.send import Sent
    from edge_agent.fleet.signing.repository import FleetRepository

_Rest = ParamSpec("_Rest")


class MqttVersion(StrEnum):
    """What `--protocol` takes."""

    AUTO = "auto"
    V5 = "5.0"
    V311 = "3.1.1"


FLEET = Path("fleet")

FleetDir = Annotated[Path, typer.Option("--fleet-dir", help="The fleet's folder, as `fleet keys init` made it.")]
EverythingOption = Annotated[bool, typer.Option("--all", help="Send what the broker should have already, too.")]
KeysOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--keys", exists=True, file_okay=False, help="A further folder with keys, such as a medium; may be repeated."
    ),
]
BrokerOption = Annotated[
    str | None,
    typer.Option(
        "--broker",
        help="host or host:port of the broker.  [default: that of the open home of this fleet, else 127.0.0.1:1883]",
    ),
]
RootOption = Annotated[str, typer.Option("--root", help="Topic root of the fleet.")]
TlsOption = Annotated[bool, typer.Option("--tls", help="Connect with TLS.")]
CaOption = Annotated[Path | None, typer.Option("--ca-file", help="Authority that signed the broker's certificate.")]
CredentialsOption = Annotated[
    Path | None, typer.Option("--credentials-file", help="A file that holds user:password.")
]
ProtocolOption = Annotated[
    MqttVersion,
    typer.Option("--protocol", help="Version of MQTT; auto begins with 5.0 and takes what the broker takes."),
]

ROOT = "edge"
_LATER = "What was signed is kept: edge-agent fleet refresh sends it."


def now() -> datetime:
    """Return the time at which things are signed: now, or SOURCE_DATE_EPOCH where a build is to be repeated.

    Raises SettingsError for a date that there is not.
    Source: https://reproducible-builds.org/specs/source-date-epoch/
    """
    from edge_agent.model.errors import SettingsError

    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    try:
        return datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SettingsError(
            f"SOURCE_DATE_EPOCH is {epoch[:40]}, which is no date.", "Set it to seconds since 1970, or unset it."
        ) from error


def say(sentence: str, value: object, *, as_json: bool) -> None:
    """Print the sentence for a person, or the value for a program."""
    if as_json:
        print_json(value)
    else:
        typer.echo(sentence)


def address_of(
    fleet_dir: Path,
    broker: str | None,
    root: str,
    tls: bool,
    ca_file: Path | None,
    credentials_file: Path | None,
    protocol: MqttVersion,
) -> "BrokerAddress":
    """Return the broker that the options name, or that of the fleet's open home.

    Raises SettingsError, and LinkError for an unusable file.
    """
    from edge_agent.fleet.publishing.broker import BrokerAddress, broker_of, parse_broker
    from edge_agent.link.credentials import read_credentials, tls_context

    host, port = parse_broker(broker or broker_of(fleet_dir), tls=tls)
    check_root(root)
    if credentials_file is not None:  # now, before anything is signed
        read_credentials(credentials_file)
    if tls:
        tls_context(ca_file)
    return BrokerAddress(host, port, root, tls, ca_file, credentials_file, protocol.value)


def check_root(root: str) -> None:
    """Raise SettingsError when topics cannot begin with `root`."""
    from edge_agent.link.topics import Timestamp, format_topic
    from edge_agent.model.errors import LinkError, SettingsError

    try:
        format_topic(root, Timestamp())
    except LinkError as error:
        raise SettingsError(
            f'"{root}" cannot be the root of topics.', 'Use letters, digits, "-", "_" and "/", such as edge.'
        ) from error


@contextmanager
def quiet_link() -> Iterator[None]:
    """Let the link log nothing: what goes wrong, the command says itself."""
    link = logging.getLogger("edge_agent.link")
    level = link.level
    link.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        link.setLevel(level)


@dataclass(frozen=True, slots=True)
class Desk:
    """The operator's fleet folder, locked for one command, and the broker that the options name."""

    fleet: "FleetRepository"
    address: "BrokerAddress"

    def send(
        self, *, everything: bool = False, take_over: bool = False, upload: str = "", urgent: bool = False
    ) -> "Sent":
        """Bring to the mirrors' folder, and then to the broker, what they lack, with a bar.

        `upload` is a command that is run between the two: devices are told of what is there already. What is `urgent`
        waits for no mirrors' folder: where that lacks anything, nothing is cleared from the broker either. Raises
        LinkError, which says how to send it later, and StorageError for the folder.
        """
        from edge_agent.fleet.publishing.mirroring import is_whole, write_folder
        from edge_agent.fleet.publishing.send import send
        from edge_agent.fleet.publishing.uploading import run_upload
        from edge_agent.model.errors import LinkError

        mirrored, clear = None, True
        if urgent:
            clear = is_whole(self.fleet)
        else:
            with progress_bar() as progress:
                mirrored = write_folder(self.fleet, progress)
        if mirrored is not None and mirrored.written:
            note(
                f"Wrote {counted(mirrored.written, 'asset')} ({size(mirrored.written_bytes)}) into {mirrored.folder}."
            )
        run_upload(upload)
        try:
            with quiet_link(), progress_bar() as progress:
                return asyncio.run(
                    send(
                        self.fleet,
                        self.address,
                        progress,
                        everything=everything,
                        take_over=take_over,
                        clear=clear,
                    )
                )
        except LinkError as error:
            raise LinkError(str(error), f"{error.next_step} {_LATER}".strip()) from error
        except KeyboardInterrupt:
            note(_LATER)
            raise


def at_the_desk(command: "Callable[Concatenate[Desk, _Rest], None]") -> Callable[..., None]:
    """Give a command the options for the fleet's folder, keys and broker, and hand it a `Desk` in their place.

    The folder is opened and locked, and the way to the broker checked, before the command does anything.
    """

    def run(
        fleet_dir: FleetDir = FLEET,
        keys: KeysOption = None,
        broker: BrokerOption = None,
        root: RootOption = ROOT,
        tls: TlsOption = False,
        ca_file: CaOption = None,
        credentials_file: CredentialsOption = None,
        protocol: ProtocolOption = MqttVersion.AUTO,
        **own: Any,
    ) -> None:
        from edge_agent.fleet.signing.repository import FleetRepository

        with FleetRepository.locked(fleet_dir) as fleet:
            fleet.keys.others = tuple(keys or ())
            address = address_of(fleet_dir, broker, root, tls, ca_file, credentials_file, protocol)
            command(Desk(fleet, address), **own)  # type: ignore[call-arg]

    shared = [
        parameter
        for parameter in inspect.signature(run).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]
    mine = list(inspect.signature(command).parameters.values())[1:]
    positional = [parameter for parameter in mine if parameter.default is parameter.empty]
    optional = [parameter for parameter in mine if parameter.default is not parameter.empty]
    parameters = [*positional, *optional[:-1], *shared, *optional[-1:]]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__doc__ = command.__doc__
    run.__name__ = command.__name__
    return run
