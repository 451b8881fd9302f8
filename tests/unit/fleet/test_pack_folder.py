"""What a person may write, what is filled in for them, and what they are told when it is wrong."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.fleet.authoring.new_pack import write_new_pack
from edge_agent.fleet.authoring.pack_folder import read_pack_folder
from edge_agent.model.errors import FormatError
from edge_agent.model.moment import MomentKind
from tests.fleets import png, wav
from tests.somebody import nobody

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
HEAD = 'advertiser = "acme"\nname = "Spring"\nadomain = ["acme.example"]\n'
POSTER = '[[creatives]]\ncrid = "poster"\nformat = "idle_poster"\nasset = "poster.png"\ntranscript = "Hello."\n'
MENTION = '[[creatives]]\ncrid = "mention"\nformat = "voice_mention"\nasset = "say.wav"\ntranscript = "Hello."\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "spring"
    folder.mkdir()
    (folder / "poster.png").write_bytes(png(800, 600))
    (folder / "say.wav").write_bytes(wav(2.5))
    (folder / "pack.toml").write_text(HEAD + POSTER + MENTION)
    return folder


def test_little_is_enough_and_what_was_assumed_is_said(folder: Path) -> None:
    pack = read_pack_folder(folder, NOW)
    assert (pack.pack, pack.campaign.id) == ("spring", "spring")
    assert [creative.dur for creative in pack.campaign.creatives] == [timedelta(seconds=15), timedelta(seconds=2.5)]
    item = pack.campaign.line_items[0]
    assert item.flight.start == datetime(2026, 11, 21, tzinfo=UTC)
    assert item.flight.end - item.flight.start == timedelta(days=30)
    assert set(item.targeting.moments) == {MomentKind.IDLE, MomentKind.ASSISTANT_ANSWERED}
    assert len(pack.assumed) == 2


def test_what_is_written_stands(folder: Path) -> None:
    (folder / "pack.toml").write_text(
        'pack = "other"\nkinds = ["tv"]\nid = "campaign-7"\n'
        + HEAD
        + POSTER
        + 'dur = 7\n[[line_items]]\nid = "a"\ncrids = ["poster"]\n'
        "flight = { start = 2027-01-01, end = 2027-02-01T00:00:00+01:00 }\n"
        'targeting = { moments = ["tap"] }\ndayparts = [{ start = 06:00:00, end = 11:00:00 }]\n'
    )
    pack = read_pack_folder(folder, NOW)
    assert (pack.pack, pack.campaign.id, pack.kinds, pack.assumed) == ("other", "campaign-7", ("tv",), ())
    flight = pack.campaign.line_items[0].flight
    assert (flight.start, flight.end) == (datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 1, 31, 23, tzinfo=UTC))


@pytest.mark.parametrize("name", ["poster.png", "pack.toml", "page-qr.png"])
def test_a_file_that_may_not_be_read_is_named(folder: Path, name: str) -> None:
    page = '[[creatives]]\ncrid = "page"\nformat = "companion_page"\nlink = "https://acme.example/x"\ndur = 20\n'
    (folder / "pack.toml").write_text(HEAD + POSTER + 'companion = "page"\n' + page + 'transcript = "Scan it."\n')
    read_pack_folder(folder, NOW)
    for above in (folder, *folder.parents):
        if "pytest-of-" in str(above):
            above.chmod(0o755)
    (folder / name).chmod(0)
    with nobody(), pytest.raises(FormatError, match=f"{name} cannot be read: Permission denied"):
        read_pack_folder(folder, NOW)


def test_json_is_as_good_as_toml(folder: Path) -> None:
    (folder / "pack.toml").unlink()
    (folder / "pack.json").write_text(
        '{"advertiser": "acme", "name": "Spring", "adomain": ["acme.example"], "creatives": [{"crid": "poster", '
        '"format": "idle_poster", "asset": "poster.png", "transcript": "Hello."}]}'
    )
    assert read_pack_folder(folder, NOW).campaign.creatives[0].crid == "poster"


def test_a_file_that_cannot_be_read_may_be_described(folder: Path) -> None:
    (folder / "poster.png").write_bytes(b"something new")
    with pytest.raises(FormatError, match=r"spring/poster\.png is not a PNG"):
        read_pack_folder(folder, NOW)
    described = '[assets."poster.png"]\nmime = "image/avif"\nw = 10\nh = 20\n'
    (folder / "pack.toml").write_text(HEAD + POSTER + described)
    media = read_pack_folder(folder, NOW).media["poster.png"]
    assert (media.mime, media.w, media.h) == ("image/avif", 10, 20)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("advertiser = ", r"spring/pack\.toml cannot be read: Invalid value \(at "),
        ("advertiser = " + "[" * 5000, r"spring/pack\.toml cannot be read: maximum recursion"),
        ("a." * 5000 + "a = 1", r"spring/pack\.toml cannot be read: maximum recursion"),
        (POSTER, r"spring/pack\.toml: advertiser: it is missing"),
        (HEAD, r"spring/pack\.toml: line_items: it is missing"),
        (HEAD + "creatives = 7", r"spring/pack\.toml: line_items: it is missing"),
        (HEAD + POSTER.replace("poster.png", "absent.png"), r"creatives\[0\]\.asset names absent\.png, which is not"),
        (HEAD + POSTER.replace("poster.png", "../spring/poster.png"), r"which is not beside it"),
        (HEAD + POSTER.replace("idle_poster", "hologram"), r"creatives\[0\]\.format: it should be"),
        (HEAD + POSTER.replace('crid = "poster"\n', ""), r"creatives\[0\]\.crid: it is missing"),
        (HEAD + POSTER + "dur = 0\n", r"creatives\[0\]\.dur: it must be more than 0"),
        (HEAD + POSTER + "dur = nan\n", r"creatives\[0\]\.dur: a duration must be a number of seconds"),
        (HEAD + POSTER + 'dur = "5s"\n', r"creatives\[0\]\.dur: write a number of seconds"),
        (HEAD + POSTER + 'lang = "Chinese"\n', r"creatives\[0\]\.lang: write a language as two or three letters"),
        (HEAD + "colour = 1\n" + POSTER, r"colour: there is no such field"),
        (HEAD.replace("acme", "Acme Inc", 1) + POSTER, r"advertiser: use 1 to 64 lower-case letters"),
        ('pack = "Not Good"\n' + HEAD + POSTER, r'pack "Not Good" must be lower-case'),
        ('kinds = "tv"\n' + HEAD + POSTER, r"kinds must be a list"),
        (HEAD + POSTER + '[assets."other.png"]\nmime = "image/png"\n', r"no creative uses it"),
        (HEAD + POSTER + '[assets."poster.png"]\nmime = "?"\n', r"assets\.poster\.png\.mime"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_and_field(folder: Path, text: str, complaint: str) -> None:
    (folder / "pack.toml").write_text(text)
    with pytest.raises(FormatError, match=complaint) as caught:
        read_pack_folder(folder, NOW)
    assert "spring" in str(caught.value)
    assert "\n" not in caught.value.for_person()


def test_a_folder_without_description_or_with_two(folder: Path) -> None:
    (folder / "pack.json").write_text("{}")
    with pytest.raises(FormatError, match=r"has both a pack\.toml and a pack\.json"):
        read_pack_folder(folder, NOW)
    with pytest.raises(FormatError, match="There is no folder"):
        read_pack_folder(folder / "absent", NOW)


def test_what_new_begins_can_be_published_as_it_is(folder: Path, tmp_path: Path) -> None:
    files = {"idle_poster": folder / "poster.png", "voice_mention": folder / "say.wav"}
    path = write_new_pack(tmp_path / "my-first", "acme", 'He said "buy" \\ now', files)
    pack = read_pack_folder(path.parent, NOW)
    assert [creative.transcript for creative in pack.campaign.creatives] == ['He said "buy" \\ now'] * 2
    with pytest.raises(FormatError, match="is there already"):
        write_new_pack(tmp_path / "my-first", "acme", "x", files)


PAGE = '[[creatives]]\ncrid = "page"\nformat = "companion_page"\ntranscript = "Scan it."\ndur = 20\n'


@pytest.mark.parametrize(
    ("name", "campaign"), [("My Pack", "my-pack"), ("春天", "acme"), ("summer-26", "summer-26"), ("春 2027", "2027")]
)
def test_a_new_pack_may_be_in_a_folder_of_any_name_and_in_chinese(tmp_path: Path, name: str, campaign: str) -> None:
    (tmp_path / "p.png").write_bytes(png(800, 600))
    write_new_pack(tmp_path / name, "acme", "每天早上新鲜出炉", {"boot_screen": tmp_path / "p.png"})
    pack = read_pack_folder(tmp_path / name, NOW)
    assert (pack.pack, pack.campaign.id, pack.campaign.creatives[0].lang) == (campaign, campaign, "zh")
    assert 'moments = ["power_on"]' in (tmp_path / name / "pack.toml").read_text("utf-8")


def test_a_byte_order_mark_is_no_mistake(folder: Path) -> None:
    (folder / "pack.toml").write_text(HEAD + POSTER, "utf-8-sig")
    assert read_pack_folder(folder, NOW).campaign.name == "Spring"


def test_a_page_that_another_creative_leads_to_is_not_booked_by_itself(folder: Path) -> None:
    page = PAGE + 'link = "https://acme.example/"\n'
    (folder / "pack.toml").write_text(HEAD + POSTER + 'companion = "page"\n' + page)
    item = read_pack_folder(folder, NOW).campaign.line_items[0]
    assert (item.crids, item.targeting.moments) == (("poster",), (MomentKind.IDLE,))
    (folder / "pack.toml").write_text(HEAD + page)
    assert read_pack_folder(folder, NOW).campaign.line_items[0].crids == ("page",)


def test_the_code_of_a_link_is_drawn_and_drawn_again_only_when_it_changes(folder: Path) -> None:
    text = HEAD + POSTER + 'companion = "page"\n' + PAGE + 'link = "https://shop.acme.example/spring"\n'
    (folder / "pack.toml").write_text(text)
    pack = read_pack_folder(folder, NOW)
    drawn = pack.files["page-qr.png"]
    media = pack.media["page-qr.png"]
    assert (media.mime, media.w) == ("image/png", media.h)
    assert 600 < media.w < 1080
    assert any("https://shop.acme.example/spring" in sentence for sentence in pack.assumed)
    first, written = drawn.read_bytes(), drawn.stat().st_ino
    read_pack_folder(folder, NOW)
    assert drawn.stat().st_ino == written, "the same link draws nothing anew"
    (folder / "pack.toml").write_text(text.replace("/spring", "/summer"))
    read_pack_folder(folder, NOW)
    assert drawn.read_bytes() != first


@pytest.mark.parametrize(
    ("creatives", "complaint"),
    [
        pytest.param(PAGE + 'link = "https://tracker.example/acme"\n', "adomain", id="another's domain"),
        pytest.param(PAGE + 'link = "https://notacme.example/"\n', "adomain", id="a domain that only ends alike"),
        pytest.param(PAGE + 'link = "http://acme.example/"\n', "link", id="no https"),
        pytest.param(PAGE + 'link = "https://acme.example@tracker.example/"\n', "link", id="a name before the host"),
        pytest.param(PAGE, "asset", id="neither link nor asset"),
        pytest.param(POSTER + 'link = "https://acme.example/"\n', "only a companion_page", id="a poster with a link"),
        pytest.param(POSTER + 'companion = "poster"\n', "companion must name", id="a companion that is no page"),
    ],
)
def test_a_link_leads_to_the_advertiser_and_nowhere_else(folder: Path, creatives: str, complaint: str) -> None:
    (folder / "pack.toml").write_text(HEAD + creatives)
    with pytest.raises(FormatError, match=complaint):
        read_pack_folder(folder, NOW)


def test_a_picture_of_the_persons_own_is_not_drawn_over(tmp_path: Path) -> None:
    page = '[[creatives]]\ncrid = "page"\nformat = "companion_page"\ntranscript = "Hi."\n'
    page += 'link = "https://acme.example/{}"\n'
    folder = tmp_path / "own"
    folder.mkdir()
    description, picture = folder / "pack.toml", folder / "page-qr.png"
    head = 'advertiser = "acme"\nname = "Own"\nadomain = ["acme.example"]\n'
    picture.write_bytes(png())
    description.write_text(head + page.format("one"))
    with pytest.raises(FormatError, match=r"own/page-qr\.png is a picture of your own") as refused:
        read_pack_folder(folder, NOW)
    assert 'asset = "page-qr.png"' in refused.value.next_step
    assert picture.read_bytes() == png()
    picture.unlink()
    read_pack_folder(folder, NOW)
    drawn = picture.read_bytes()
    description.write_text(head + page.format("two"))
    read_pack_folder(folder, NOW)
    assert picture.read_bytes() != drawn, "a code of another link takes the place of the one that was drawn"


def test_a_name_that_no_disk_takes_is_said_not_to_be_there(tmp_path: Path) -> None:
    folder = tmp_path / "long"
    folder.mkdir()
    poster = f'[[creatives]]\ncrid = "p"\nformat = "idle_poster"\nasset = "{"x" * 300}"\ntranscript = "Hi."\n'
    (folder / "pack.toml").write_text(f'advertiser = "acme"\nname = "Long"\nadomain = ["acme.example"]\n{poster}')
    with pytest.raises(FormatError, match="which is not beside it"):
        read_pack_folder(folder, NOW)


def test_who_names_the_file_is_told_of_the_folder(folder: Path) -> None:
    with pytest.raises(FormatError, match=r"pack\.toml is a file") as refused:
        read_pack_folder(folder / "pack.toml", NOW)
    assert str(folder) in refused.value.next_step
