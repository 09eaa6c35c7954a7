"""Dates of the Gregorian calendar, as lists of year, month and day."""

LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def is_leap(year):
    """Tell whether a year has a 29th of February."""
    return year % 4 == 0 and year % 100 != 0


def month_length(year, month):
    """Return how many days a month has; January is 1."""
    return LENGTHS[month - 1] + (1 if month == 2 and is_leap(year) else 0)


def add_months(date, months):
    """Return the same day so many months later, or the month's last day when it has no such day."""
    year, month, day = date
    count = year * 12 + month + months
    year, month = count // 12, count % 12
    return [year, month, min(day, month_length(year, month))]


def next_day(date):
    """Return the day after a date."""
    year, month, day = date
    if day < month_length(year, month):
        return [year, month, day + 1]
    return [year, month + 1, 1] if month < 12 else [year + 1, 1, 1]
