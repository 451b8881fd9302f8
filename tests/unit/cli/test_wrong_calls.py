"""Wrong calls that people make: one sentence with the next step, exit code 1 or 2, and never a traceback."""

import json
import shutil
import socket
import sys
from pathlib import Path

import pytest

from edge_agent.cli import main
from edge_agent.fleet.authoring.media import inspect_media
from edge_agent.model.errors import EdgeAgentError, FormatError
from tests.disks import full_disk
from tests.fleets import png, random_bytes
from tests.somebody import nobody

NOBODY = "127.0.0.1:9"
"""The discard port, where no broker is."""
DIGEST = "0" * 64

REFUSED = {
    "run --config missing.toml": "missing.toml cannot be read",
    "run --config broken.toml": "broken.toml is not valid TOML",
    "run --config binary.toml": "binary.toml is not valid TOML",
    "run --config folder": "folder cannot be read",
    "run --config no-profile.toml": 'no device profile "nope"',
    "run --config misspelt.toml": "speling",
    "run --config zone.toml": "toml: timezone: there is no time zone 'Mars/Here'",
    "signal moment power_on --config device.toml": "edge-agent run",
    "signal press close --socket nowhere.sock --json": "No agent listens on nowhere.sock",
    "explain --config device.toml": "Start the agent once",
    "explain --database text.txt --json": "text.txt cannot be read",
    "consent give --config missing.toml --json": "missing.toml cannot be read",
    "listen --phrases stop missing.wav": "missing.wav cannot be read",
    "listen --phrases stop text.txt --json": "text.txt is not a PCM WAV file",
    "listen --phrases xqzzyk text.txt": "xqzzyk",
    "listen --phrases stop --lang xx text.txt": "edge-agent model install",
    "listen --phrases stop --model folder text.txt": "folder holds no speech model",
    "wyoming --phrases xqzzyk": "xqzzyk",
    "wyoming --phrases stop --uri http://127.0.0.1:10400": "no address of a Wyoming service",
    "wyoming --phrases stop --uri unix:///nowhere/ear --json": "The Wyoming server cannot use unix:///nowhere/ear",
    "model use nope": "edge-agent model list",
    "model install nope --sha256 00": "no SHA-256",
    f"model install missing.zip --sha256 {DIGEST}": "no file here",
    f"model install ftp://127.0.0.1/x.zip --sha256 {DIGEST}": "no http(s) address",
    "model add-phrases stop --language xx": "edge-agent model install",
    "model add-phrases stop --model folder": "folder holds no speech model",
    "model add-phrases !!! --out folder": "folder exists already",
    "model train --out text.txt": "text.txt is a file",
    "model train --out new --lang fr": "en, zh. Name one of these",
    "fleet status --fleet-dir nowhere": "edge-agent fleet keys init",
    "fleet report --fleet-dir nowhere --json": "--fleet-dir",
    "fleet collect --fleet-dir nowhere --once": "edge-agent fleet keys init",
    "fleet collect --broker 127.0.0.1:99999": "host:port",
    "fleet collect --root a/#": '"a/#" cannot be the root',
    f"fleet collect --share a/b --broker {NOBODY}": '"a/b" cannot be the name of a group of collectors',
    f"fleet status --broker {NOBODY}": f"nobody listens there. Check that a broker runs at {NOBODY}",
    "fleet root --out text.txt/root.json": "text.txt/root.json cannot be written: File exists. Check the path",
    "fleet keys init": "fleet is a fleet already",
    "fleet keys init own": "own is an advertiser's folder",
    "fleet keys new-advertiser acme --out fleet": "fleet is a fleet's folder",
    "fleet keys add-advertiser A&B": '"A&B" cannot name an advertiser',
    "fleet keys add-advertiser acme.next": "belong to other keys' files",
    "fleet keys new-advertiser acme.retired-1 --out new": "belong to other keys' files",
    "fleet pack new new --advertiser acme.next": "belong to other keys' files",
    f"fleet keys remove-advertiser nobody --broker {NOBODY}": "There is no advertiser nobody",
    f"fleet keys rotate nothing --broker {NOBODY}": "timestamp",
    "fleet keys add-advertiser me --public-key text.txt": "text.txt is not a public key",
    "fleet keys add-advertiser me --public-key fleet/keys/root.pem": "is a private key",
    f"fleet keys drop root abcdef --broker {NOBODY}": "root has no key that alone begins with abcdef",
    f"fleet keys rotate config --propose --broker {NOBODY}": "The root says nothing about config",
    f"fleet keys adopt-root --broker {NOBODY}": "has no proposed root",
    "fleet keys sign-root text.txt --key fleet/keys/root.pem": "text.txt",
    "fleet keys sign-root binary.toml --key fleet/keys/root.pem": "Name root.pending.json",
    f"fleet keys threshold root 2 --broker {NOBODY}": "root would have 1 keys, of which 2",
    "fleet publish missing.bundle": "There is no file missing.bundle",
    "fleet publish text.txt": "text.txt is not a bundle",
    "fleet pack build missing": "edge-agent fleet pack new",
    "fleet pack build bare --advertiser-dir folder": "edge-agent fleet keys new-advertiser",
    "fleet pack build good --out text.txt/good.bundle": "text.txt/good.bundle cannot be written: Not a directory",
    "fleet pack preview good --out text.txt/good": "text.txt/good cannot be written: Not a directory. Check the path",
    "fleet pack sign text.txt --advertiser-dir folder": "edge-agent fleet keys new-advertiser",
    "fleet pack sign text.txt --advertiser-dir mixed": "edge-agent fleet keys new-advertiser",
    "fleet pack withdraw me/x --advertiser-dir folder": "edge-agent fleet keys new-advertiser",
    "fleet pack new pack --advertiser me": "--poster",
    "fleet pack new pack --advertiser me --poster missing.png": "missing.png",
    "fleet pack new text.txt/pack --advertiser me --poster good.png": "text.txt/pack cannot be written",
    "fleet pack new pack --advertiser me --poster text.txt": "text.txt is not a PNG or JPEG picture",
    "fleet pack new pack --advertiser me --mention text.txt": "text.txt is not a WAV file",
    "fleet pack new pack --advertiser me --poster good.png --text \udcff\udcfe": "are no text. Write it in UTF-8",
    "fleet publish missing": "edge-agent fleet pack new",
    "fleet publish folder": "no pack.toml",
    f"fleet publish bare --broker {NOBODY}": "edge-agent docs packs",
    "fleet publish folder --root a/#": '"a/#" cannot be the root',
    "fleet publish folder --tls --ca-file missing.pem": "missing.pem cannot be used",
    "fleet publish folder --credentials-file missing": "missing cannot be read",
    "fleet publish folder --broker here:there": "host:port",
    "fleet revoke missing": "missing is not published. Nothing is.",
    f"fleet refresh --broker {NOBODY}": "edge-agent fleet refresh sends it",
    "fleet config push device.toml --fleet": "profile cannot be set from afar",
    "fleet config push folder/../unfit.toml --fleet": "folder/../unfit.toml: placements.min_spacing",
    "fleet config withdraw --fleet": "edge-agent fleet status",
}
"""What is said, by the words of the command; exit code 1."""

MISTYPED = (
    "run extra",
    "run --config device.toml --log-level loud",
    "demo --port 99999",
    "demo --port -1",
    "listen",
    "listen --phrases stop",
    "listen --phrases , text.txt",
    "listen --phrases stop --mic text.txt",
    "listen --phrases stop --sensitivity 2 text.txt",
    "wyoming --phrases ,",
    "signal moment",
    "signal state call_in_progress=maybe",
    "explain --last 0",
    "consent limit --config device.toml",
    "consent limit --config device.toml --quiet banana",
    "consent limit --config device.toml --max-per-day -1",
    "consent limit --config device.toml --format-off nope",
    "model install text.txt",
    "model train --out folder --minutes -1",
    "fleet collect --for -1",
    "fleet keys status --keys nowhere",
    "fleet config push unfit.toml",
    "fleet config push unfit.toml --fleet --group kitchens",
)
"""A command line that is wrong in itself; exit code 2."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a fleet and files that are each wrong in their own way. No call here changes them."""
    place = tmp_path_factory.mktemp("place")
    device = f'profile = "virtual-fridge"\ndevice_id = "fridge"\nstate_directory = "{place}/state"\n'
    files = {
        "text.txt": "x",
        "broken.toml": "profile = ",
        "no-profile.toml": 'profile = "nope"\ndevice_id = "fridge"\n',
        "device.toml": device,
        "misspelt.toml": f"{device}speling = 3\n",
        "zone.toml": f'{device}timezone = "Mars/Here"\n',
        "unfit.toml": '[placements]\nmin_spacing = "long"\n',
    }
    for name, text in files.items():
        (place / name).write_text(text, encoding="utf-8")
    (place / "binary.toml").write_bytes(b"\xff\xfe")
    (place / "good.png").write_bytes(png())
    (place / "folder").mkdir()
    (place / "bare").mkdir()
    (place / "bare" / "pack.toml").write_text('advertiser = "me"\n', encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert called(patch, "fleet keys init --json") == 0
        assert called(patch, "fleet keys new-advertiser acme --out own --json") == 0
        assert called(patch, "fleet pack new good --advertiser me --poster good.png --fleet-dir none --json") == 0
    shutil.copytree(place / "fleet", place / "mixed")
    shutil.copy(place / "own" / "advertiser.json", place / "mixed")
    return place


def called(patch: pytest.MonkeyPatch, words: str) -> int | str | None:
    """Return the exit code of `edge-agent` with these words, in this process; an exception goes through."""
    patch.setattr(sys, "argv", ["edge-agent", *words.split()])
    patch.setenv("EDGE_AGENT_MODELS", "models")
    try:
        main()
    except SystemExit as left:
        return left.code or 0
    return 0


@pytest.mark.parametrize(("words", "said"), REFUSED.items(), ids=list(REFUSED))
def test_what_cannot_be_done_is_one_sentence_and_exit_code_1(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    monkeypatch.chdir(place)
    assert called(monkeypatch, words) == 1
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.startswith("edge-agent: ")
    assert printed.err.count("\n") == 1
    assert "[Errno" not in printed.err
    if "--json" not in words:
        assert printed.out == ""
        return
    told = json.loads(printed.out)
    assert printed.err == f"edge-agent: {EdgeAgentError(told['error'], told['next_step']).for_person()}\n"
    assert told["next_step"]


@pytest.mark.parametrize("words", MISTYPED)
def test_a_command_line_that_is_wrong_is_exit_code_2(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    monkeypatch.chdir(place)
    assert called(monkeypatch, words) == 2
    printed = capsys.readouterr()
    assert "Error: " in printed.err
    assert printed.out == ""


def test_check_tells_of_a_state_directory_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").touch()
    config = tmp_path / "agent.toml"
    config.write_text(
        'profile = "virtual-fridge"\ndevice_id = "x"\nstate_directory = "taken/state"\n', encoding="utf-8"
    )
    assert called(monkeypatch, f"check --config {config} --json") == 1
    disk = next(finding for finding in json.loads(capsys.readouterr().out) if finding["what"] == "disk")
    assert not disk["ok"]
    assert "state_directory" in disk["detail"]


def test_a_date_that_there_is_not_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "9" * 14)
    assert called(monkeypatch, "fleet keys init --json") == 1
    assert "SOURCE_DATE_EPOCH is 99999999999999, which is no date" in capsys.readouterr().err


def test_what_was_signed_is_sent_later_when_the_broker_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    called(monkeypatch, "fleet keys init --json")
    before = version(monkeypatch, capsys)
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        assert called(monkeypatch, f"fleet keys rotate timestamp --broker 127.0.0.1:{taken.getsockname()[1]}") == 1
    assert "edge-agent fleet refresh sends it" in capsys.readouterr().err
    assert version(monkeypatch, capsys) > before


def version(patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> int:
    capsys.readouterr()
    assert called(patch, "fleet status --json") == 0
    found: int = json.loads(capsys.readouterr().out)["version"]
    return found


def test_a_file_that_cannot_be_read_is_described_under_its_own_name() -> None:
    with pytest.raises(FormatError) as refused:
        inspect_media("my-pack/clip.mp4", b"not one of ours")
    assert '[assets."clip.mp4"]' in refused.value.next_step


FORBIDDEN = {
    "fleet root": "fleet root --out {there}/root.json",
    "pack new": "fleet pack new {there}/pack --advertiser me --poster good.png",
    "pack build": "fleet pack build good --out {there}/good.bundle",
    "pack preview": "fleet pack preview good --out {there}/preview",
}


@pytest.mark.parametrize("mode", [0o500, 0o000], ids=["read-only", "closed"])
@pytest.mark.parametrize("words", FORBIDDEN.values(), ids=list(FORBIDDEN))
def test_where_nothing_may_be_written_nobody_is_told_to_free_space(
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    mode: int,
) -> None:
    for folder in (above for above in (tmp_path, *tmp_path.parents) if "pytest-of-" in str(above)):
        folder.chmod(0o755)
    for name in ("fleet", "good"):
        shutil.copytree(place / name, tmp_path / name)
    shutil.copy(place / "good.png", tmp_path)
    monkeypatch.chdir(tmp_path)
    for there in ("open", "shut"):
        (tmp_path / there).mkdir()
    assert called(monkeypatch, words.format(there="open")) == 0, "it loads what it needs"
    capsys.readouterr()
    (tmp_path / "shut").chmod(mode)
    with nobody():
        assert called(monkeypatch, words.format(there="shut")) == 1
    (tmp_path / "shut").chmod(0o700)
    said = capsys.readouterr().err
    assert said.startswith("edge-agent: shut/")
    assert said.endswith(
        "cannot be written: Permission denied. Check who may write there, or choose another place.\n"
    )
    assert not [*(tmp_path / "shut").iterdir()]


def test_a_pack_that_did_not_fit_can_be_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    poster = tmp_path / "poster.png"
    poster.write_bytes(png(filling=random_bytes(5000, "poster")))
    words = f"fleet pack new pack --advertiser me --poster {poster} --json"
    with full_disk(4096):
        assert called(monkeypatch, words) == 1
    assert capsys.readouterr().err.endswith("Free some space.\n")
    assert called(monkeypatch, words) == 0
