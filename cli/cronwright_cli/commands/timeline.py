"""placeholder for this minute"""
def timeline() -> None:
    """x"""
