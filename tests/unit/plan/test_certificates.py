"""Which part of a mounted PEM file goes into pods."""

import pytest

from cronwright.certificates import MOST_CHARACTERS, certificates_in


def block(kind: str, text: str) -> str:
    """Return one block of PEM."""
    return f"-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n"


ONE, OTHER = block("CERTIFICATE", "MIIBszCCAVmgAwIB+/=="), block("CERTIFICATE", "MIICoDCCAkagAwIB")
KEY = block("EC PRIVATE KEY", "MHcCAQEEIBhg")

TAKEN = {
    "one": (ONE, ONE),
    "two": (ONE + OTHER, ONE + OTHER),
    "the same twice": (ONE + OTHER + ONE, ONE + OTHER),
    "words between": (f"# of the team\n{ONE}\nsubject=CN = root\n{OTHER}", ONE + OTHER),
    "a key beside it": (KEY + ONE + KEY, ONE),
    "a key in the middle": (ONE + KEY + OTHER, ONE + OTHER),
    "lines as Windows ends them": (ONE.replace("\n", "\r\n"), ONE),
    "no line end at the end": (ONE.rstrip(), ONE),
}


@pytest.mark.parametrize(("text", "expected"), TAKEN.values(), ids=TAKEN)
def test_takes_the_certificates_only(text: str, expected: str) -> None:
    assert certificates_in(text) == expected


REFUSED = {
    "nothing": ("", "there is no certificate in it; it begins with -----BEGIN CERTIFICATE-----"),
    "a key alone": (KEY, "there is no certificate in it"),
    "one cut short": (ONE[:40], "there is no certificate in it"),
    "a certificate's beginning before a key": ("-----BEGIN CERTIFICATE-----\nMIIB\n" + KEY, "there is no certificate"),
    "a system's whole bundle": (
        "".join(block("CERTIFICATE", f"{number:04}" * 300) for number in range(100)),
        f"its 100 certificates have 125500 characters, more than {MOST_CHARACTERS}; name a file with only those",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refuses(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        certificates_in(text)
