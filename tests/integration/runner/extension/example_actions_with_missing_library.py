"""An action whose library is not in the image."""

import a_library_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401


def run(context: object) -> None:
    """Never comes as far as this."""
