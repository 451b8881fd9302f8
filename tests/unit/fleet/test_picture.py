"""What is measured of text in pictures: known colours have known ratios, and boxes are safe or not to the pixel."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from edge_agent.fleet.authoring.picture import contrast_in, measure_text, oddities, read_picture
from edge_agent.model.errors import FormatError


def written(ink: str, ground: str) -> Image.Image:
    picture = Image.new("RGB", (400, 200), ground)
    ImageDraw.Draw(picture).text((30, 60), "Fresh bread", fill=ink, font_size=60)
    return picture


@pytest.mark.parametrize(
    ("ink", "ground", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#000000", 21.0),
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("#ffff00", "#ffffff", 1.07),
        ("#0000ff", "#ffffff", 8.59),
        ("#333333", "#222222", 1.26),
    ],
)
def test_text_in_two_colours_has_the_ratio_that_wcag_gives_them(ink: str, ground: str, ratio: float) -> None:
    assert contrast_in(written(ink, ground)) == pytest.approx(ratio, abs=0.02)


def test_an_even_box_has_no_contrast() -> None:
    assert contrast_in(Image.new("RGB", (50, 50), "#808080")) == 1.0


@pytest.mark.parametrize(
    ("box", "inside", "safe"),
    [
        ((50, 25, 900, 450), True, True),
        ((49, 25, 900, 450), True, False),
        ((50, 24, 900, 450), True, False),
        ((50, 25, 901, 450), True, False),
        ((50, 25, 900, 451), True, False),
        ((0, 0, 1000, 500), True, False),
        ((1, 0, 1000, 500), False, False),
        ((10, 10, 0, 5), False, False),
        ((-1, 30, 60, 60), False, False),
    ],
)
def test_five_percent_are_kept_free(box: tuple[int, int, int, int], inside: bool, safe: bool) -> None:
    (found,) = measure_text(Image.new("RGB", (1000, 500), "white"), (box,))
    assert (found.is_inside, found.is_safe) == (inside, safe)


def test_a_picture_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    path = tmp_path / "poster.png"
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(path)
    assert read_picture(path).getpixel((5, 5)) == (255, 255, 255)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(FormatError, match=r"poster\.png is damaged"):
        read_picture(path)


def test_what_a_picture_says_wrongly_of_how_it_was_held_turns_nothing(tmp_path: Path) -> None:
    path = tmp_path / "poster.webp"
    Image.new("RGB", (64, 64)).save(path, exif=b"Exif\0\0M\xae\0*\0\0\0\x08")
    assert read_picture(path).size == (64, 64)
    assert list(oddities(path)) == []
