"""Durations: what people write in a time sheet, as whole minutes."""

import re

PATTERN = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?")


def parse(text):
    """Return the minutes of a text such as "1h30m", "45m", "2h" or "-15m", spaces allowed."""
    text = text.replace(" ", "")
    sign = -1 if text.startswith("-") else 1
    hours, minutes = PATTERN.fullmatch(text.lstrip("-")).groups(default="0")
    return sign * int(hours) * 60 + int(minutes)


def show(minutes):
    """Return minutes as people write them: 90 is "1h30m", 120 is "2h", -15 is "-15m", and 0 is "0m"."""
    hours, rest = divmod(minutes, 60)
    if hours and rest:
        return f"{hours}h{rest}m"
    return f"{hours}h" if hours else f"{rest}m"


def round_up(minutes, step):
    """Return the smallest multiple of a step that is not below so many minutes."""
    return (minutes // step + 1) * step
