"""A model that hears words it had never heard of: pronounced, judged, compiled and spoken to."""

import ctypes.util
import json
from pathlib import Path

import numpy as np
import pytest

from edge_agent.model.errors import UnknownWordError, VoiceError
from edge_agent.voice.fitting import base_hash
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.models import Model, check_model, packaged_models
from edge_agent.voice.phrases.adding import language_of, make_model, plan_phrases, read_phrases
from edge_agent.voice.phrases.pronouncing import by_hand, pronounce
from edge_agent.voice.spotting import spot_audio
from edge_agent.voice.training.espeak import espeak
from edge_agent.voice.training.requirements import can_build_graphs
from edge_agent.voice.training.resampling import to_model_rate

PACKAGED = packaged_models()["en"]
has_espeak = ctypes.util.find_library("espeak-ng") is not None
needs_tools = pytest.mark.skipif(
    not (has_espeak and can_build_graphs()), reason="espeak-ng or libfst-tools is not installed"
)
needs_espeak = pytest.mark.skipif(not has_espeak, reason="espeak-ng is not installed")


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The packaged model with two new words, one pronounced by hand in two ways."""
    plan = plan_phrases(
        PACKAGED,
        ["hey glowbar", "okay zyntrix"],
        pronounced=["glowbar=g l ow b aa r", "glowbar=g l ow b er"],
    )
    return make_model(plan, tmp_path_factory.mktemp("models") / "extended")


def said(text: str) -> bytes:
    """Return `text` as espeak-ng says it, with quiet around it."""
    samples, _ = espeak().speak(text, voice="en-us+f2", words_per_minute=150, pitch=55, range_=50, gap=0)
    quiet = np.zeros(RATE // 2, np.int16)
    return np.concatenate([quiet, to_model_rate(samples, espeak().rate_hz), quiet]).astype("<i2").tobytes()


@needs_tools
def test_new_phrases_are_heard_and_old_ones_still_are(extended: Model) -> None:
    model, vocabulary = extended.load(), extended.vocabulary()
    phrases = ["hey glowbar", "okay zyntrix", "hey kitchen"]
    for phrase in phrases:
        assert [one.phrase for one in spot_audio(said(phrase), phrases, model, vocabulary)] == [phrase]


@needs_tools
def test_the_packaged_model_refuses_the_same_phrase() -> None:
    packaged = check_model(PACKAGED)
    with pytest.raises(UnknownWordError, match="glowbar"):
        spot_audio(b"", ["hey glowbar"], packaged.load(), packaged.vocabulary())


@needs_tools
def test_the_model_says_what_was_added_and_to_which_network(extended: Model) -> None:
    noted = read_phrases(extended.directory)
    assert noted["phrases"] == ["hey glowbar", "okay zyntrix"]
    assert noted["words"]["glowbar"] == ["g l ow b aa r", "g l ow b er"]
    assert noted["base"] == base_hash(PACKAGED) == base_hash(extended.directory)
    assert language_of(extended) == "en"


@needs_tools
def test_unknown_small_files_of_a_model_are_carried_along(tmp_path: Path, extended: Model) -> None:
    (extended.directory / "beside.json").write_text("{}")
    made = make_model(plan_phrases(extended.directory, ["hello frobozz"]), tmp_path / "again")
    assert (made.directory / "beside.json").read_text() == "{}"
    assert read_phrases(made.directory)["phrases"] == ["hey glowbar", "okay zyntrix", "hello frobozz"]
    assert {"glowbar", "zyntrix", "frobozz"} <= made.vocabulary().words.keys()


@needs_tools
def test_words_are_added_to_a_model_in_its_place(tmp_path: Path) -> None:
    place = tmp_path / "mine"
    make_model(plan_phrases(PACKAGED, ["hey glowbar"]), place)
    made = make_model(plan_phrases(place, ["hello frobozz"]), place)
    assert made.directory == place
    assert {"glowbar", "frobozz"} <= made.vocabulary().words.keys()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_of_something_else_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    plan = plan_phrases(PACKAGED, ["hey kitchen"])
    with pytest.raises(VoiceError, match="exists already"):
        make_model(plan, tmp_path / "precious")
    with pytest.raises(VoiceError, match="packaged model is not changed"):
        make_model(plan, PACKAGED)


def test_a_phrase_of_known_words_needs_no_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    plan = plan_phrases(PACKAGED, ["hey kitchen"])
    assert plan.words == {}
    made = make_model(plan, tmp_path / "out")
    assert read_phrases(made.directory)["phrases"] == ["hey kitchen"]


def test_missing_tools_are_named_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VoiceError, match=r"Adding words .* needs `apt-get install .*libfst-tools"):
        plan_phrases(PACKAGED, ["hey glowbar"])


def test_a_model_that_others_made_is_refused(tmp_path: Path) -> None:
    others = tmp_path / "others"
    for name in ("am/final.mdl", "conf/mfcc.conf", "graph/words.txt", "graph/HCLr.fst", "graph/Gr.fst"):
        (others / name).parent.mkdir(parents=True, exist_ok=True)
        (others / name).write_bytes(b"x 1\n[unk] 2\n")
    with pytest.raises(VoiceError, match="not made by edge-agent model train"):
        plan_phrases(others, ["hey glowbar"])


@needs_tools
def test_a_phrase_is_judged_against_the_device_the_resident_and_what_stands_beside_it() -> None:
    plan = plan_phrases(PACKAGED, ["hey kitten", "hey glowbar", "hey glowbor"], beside=["hey kitchen"])
    kitten, glowbar, _ = plan.verdicts
    assert "hey kitchen" in {reason.what for reason in kitten.reasons}
    assert "hey glowbor" in {reason.what for reason in glowbar.reasons[:1]}
    assert "tell me more" in {reason.what for reason in glowbar.reasons}


@needs_tools
def test_a_phrase_of_other_devices_is_compared_with_though_this_model_lacks_its_words() -> None:
    plan = plan_phrases(PACKAGED, ["hey glowbar"], beside=["hey glowbor"])
    assert plan.verdicts[0].reasons[0].what == "hey glowbor"
    assert plan.words.keys() == {"glowbar"}


@pytest.mark.parametrize("text", ["glowbar", "glowbar=", "two words=t uw", "=t uw"])
def test_a_pronunciation_is_a_word_and_its_phones(text: str) -> None:
    with pytest.raises(VoiceError, match="is not a word and its phones"):
        by_hand([text], {"t", "uw"}, "en")


def test_an_unknown_phone_is_named_with_those_that_there_are() -> None:
    with pytest.raises(VoiceError, match="qq is not a phone") as caught:
        by_hand(["glowbar=g qq"], {"g", "l"}, "en")
    assert "g l" in caught.value.next_step
    with pytest.raises(VoiceError, match="OW1 is not a phone"):  # as other dictionaries mark the stress: no pinyin
        by_hand(["glowbar=g OW1"], {"g", "l"}, "en")


@needs_espeak
def test_letters_are_pronounced_in_the_models_language() -> None:
    assert pronounce("zenvo", "en")[0] == ("z", "eh", "n", "v", "ow")
    assert pronounce("小智", "zh")[0] == ("x", "i", "ao", "zh", "ir")
    assert by_hand(["小智=xiao3zhi4"], {"x", "i", "ao", "zh", "ir"}, "zh")["小智"] == (("x", "i", "ao", "zh", "ir"),)
    with pytest.raises(VoiceError, match='language "tlh"'):
        pronounce("qapla", "tlh")


@needs_espeak
def test_a_word_of_another_script_is_not_read_as_the_name_of_its_letters() -> None:
    assert pronounce("café", "en")[0] == ("k", "ae", "f", "ey")
    with pytest.raises(VoiceError, match="小智"):
        pronounce("小智", "en")


@needs_tools
def test_what_stands_beside_in_another_language_is_left_out_and_named() -> None:
    plan = plan_phrases(PACKAGED, ["hey glowbar"], beside=["你好厨房", "привет дом", "hey glowbor"])
    assert plan.not_compared == ("你好厨房", "привет дом")
    assert plan.verdicts[0].reasons[0].what == "hey glowbor"


@needs_tools
def test_a_pronunciation_by_hand_holds_inside_a_phrase_without_spaces(tmp_path: Path) -> None:
    plan = plan_phrases(packaged_models()["zh"], ["你好小智"], pronounced=["小智=xiao4 zi1"])
    assert plan.words == {"小智": (("x", "i", "ao", "z", "iz"),)}
    assert plan.verdicts[0].phones == (("n", "i", "h", "ao", "x", "i", "ao", "z", "iz"),)
    made = make_model(plan, tmp_path / "made")
    assert made.vocabulary().spell("你好小智") == ("你好", "小智")


def test_a_pronunciation_of_a_word_that_no_phrase_has_is_refused_with_the_words_that_there_are() -> None:
    with pytest.raises(VoiceError, match='No phrase has the word "kitshen"') as caught:
        plan_phrases(PACKAGED, ["hey kitchen"], pronounced=["kitshen=k ih ch ax n"])
    assert "hey, kitchen" in caught.value.next_step


def test_whoever_waits_is_told_how_many_phrases_were_judged() -> None:
    told: list[tuple[int, int]] = []
    plan_phrases(PACKAGED, ["hey kitchen", "hey fridge"], progress=lambda *how_far: told.append(how_far))
    assert told == [(0, 2), (1, 2)]


def test_a_link_to_a_model_and_a_copy_that_a_person_keeps_beside_it_stay(tmp_path: Path) -> None:
    make_model(plan_phrases(PACKAGED, ["hey kitchen"]), tmp_path / "mine")
    (tmp_path / "mine.before").mkdir()
    (tmp_path / "mine.before" / "kept").write_text("by a person")
    (tmp_path / "link").symlink_to("mine")
    made = make_model(plan_phrases(tmp_path / "link", ["hey fridge"]), tmp_path / "link")
    assert read_phrases(made.directory)["phrases"] == ["hey kitchen", "hey fridge"]
    assert (tmp_path / "link").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "mine", "mine.before"]


@needs_tools
def test_what_was_noted_is_json_for_people(extended: Model) -> None:
    assert json.loads((extended.directory / "phrases.json").read_text("utf-8"))["v"] == 1
