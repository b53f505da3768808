"""The unified social credit code: what passes, and what is suggested for what does not."""

import random

import pytest
from stdnum.cn import uscc

from nexus.core.refusals import Invalid
from nexus.organizations.rules import BadCreditCode, check_grade, check_name, check_uscc

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit_code(rng: random.Random, head: str = "51440100") -> str:
    stem = head + "".join(rng.choice(ALPHABET) for _ in range(9))
    return stem + str(uscc.calc_check_digit(stem))


def test_a_valid_code_passes_however_it_is_set() -> None:
    rng = random.Random(1)
    for _ in range(200):
        code = credit_code(rng)
        assert check_uscc(code) == code
        assert check_uscc(f" {code[:2]} {code[2:8]}-{code[8:].lower()} ") == code
        wide = "".join(chr(ord(char) + 0xFEE0) for char in code)
        assert check_uscc(wide) == code


@pytest.mark.parametrize("head", ["N2440100", "A1440100", "Y1440100", "12440100"])
def test_registries_with_a_letter_pass(head: str) -> None:
    code = credit_code(random.Random(2), head)
    assert check_uscc(code) == code


@pytest.mark.parametrize(("typed", "meant"), [("O", "0"), ("I", "1"), ("Z", "2"), ("S", "5")])
def test_a_letter_for_a_digit_is_corrected(typed: str, meant: str) -> None:
    rng = random.Random(typed)
    tried = 0
    while tried < 50:
        code = credit_code(rng)
        places = [at for at, char in enumerate(code) if char == meant]
        if not places:
            continue
        tried += 1
        at = rng.choice(places)
        with pytest.raises(BadCreditCode) as refused:
            check_uscc(code[:at] + typed + code[at + 1 :])
        assert refused.value.details["suggestion"] == code
        assert code in refused.value.message
        assert f"letter {typed} (character {at + 1})" in refused.value.message
        assert refused.value.field == "uscc"


def test_several_letters_are_corrected_together() -> None:
    rng = random.Random(3)
    for _ in range(50):
        code = credit_code(rng)
        wrong = code.replace("0", "O").replace("1", "I", 1)
        if 0 < sum(char in "OI" for char in wrong) <= 5:
            with pytest.raises(BadCreditCode) as refused:
                check_uscc(wrong)
            assert code in refused.value.message


def test_two_digits_swapped_are_found() -> None:
    code = "51440100MJL4W0D1X"
    code += str(uscc.calc_check_digit(code))
    with pytest.raises(BadCreditCode) as refused:
        check_uscc(code[:12] + code[13] + code[12] + code[14:])
    assert code in refused.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "0 characters"),
        ("5144010", "7 characters"),
        ("5144010012345678901", "19 characters"),
        ("51ABCDEFMJL4W0D1XX", "characters 3 to 8 are digits"),
        ("民政局", "3 characters"),
        ("五" * 18, "the others digits or capital letters"),
        ("O" * 18, "the letter O (character 1)"),
        ("5" * 5000, "5000 characters"),
    ],
)
def test_what_is_no_code_is_told_why(text: str, told: str) -> None:
    with pytest.raises(BadCreditCode) as refused:
        check_uscc(text)
    assert told in refused.value.message
    assert len(refused.value.message) < 200


def test_a_wrong_check_character_never_passes() -> None:
    rng = random.Random(4)
    for _ in range(20):
        code = credit_code(rng)
        for last in ALPHABET:
            if last != code[-1]:
                with pytest.raises(BadCreditCode):
                    check_uscc(code[:-1] + last)


def test_names_and_grades() -> None:
    assert check_name("  同心   慈善会 ") == "同心 慈善会"
    assert check_grade(True, "5a") == "5A"
    assert check_grade(False, None) is None
    for rating, grade in ((True, None), (True, "6A"), (False, "5A")):
        with pytest.raises(Invalid):
            check_grade(rating, grade)
    for name in ("", "  ", "会" * 201):
        with pytest.raises(Invalid):
            check_name(name)
