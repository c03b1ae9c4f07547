"""The certificates in a PEM text: what goes from a mounted file into pods that anybody may read.

Whether they are any good is for whoever checks a connection against them.
"""

import re

MOST_CHARACTERS = 64 * 1024
"""Of Kubernetes' 256 KiB for all annotations of an object; one certificate has about one or two thousand characters."""

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


def certificates_in(text: str) -> str:
    """Return the certificates of a PEM text and nothing else of it, above all no private key, each once.

    Raises:
        ValueError: there is none, or there are too many of them for an annotation.
    """
    found = dict.fromkeys(_CERTIFICATE.findall(text.replace("\r\n", "\n")))
    if not found:
        raise ValueError(
            "there is no certificate in it; it begins with -----BEGIN CERTIFICATE----- in a line of its own"
        )
    kept = "".join(f"{each}\n" for each in found)
    if len(kept) > MOST_CHARACTERS:
        raise ValueError(
            f"its {len(found)} certificates have {len(kept)} characters, more than {MOST_CHARACTERS}; name a file with "
            "only those of the authority that signed the API's certificate"
        )
    return kept
