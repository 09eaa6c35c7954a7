"""The few tags that templates need: icons, chips, times, numbers and links that keep the query."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django import template
from django.http import QueryDict
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from webapp.presenters import words
from webapp.presenters.words import Chip

register = template.Library()

register.filter("number", words.number)
register.filter("signed", words.signed)
register.filter("seconds", words.seconds)
register.filter("short", words.short)
register.filter("ends", words.ends)


@register.filter
def linked(text: str) -> SafeString:
    """Return a plain sentence with every candidate and run it names as a link."""
    html = []
    for part in re.split(r"\b([CR]-[0-9]{1,18})\b", text):
        kind, _, number = part.partition("-")
        route = {"C": "candidate", "R": "run"}.get(kind) if re.fullmatch(r"[0-9]{1,18}", number) else None
        html.append(format_html('<a href="{}">{}</a>', reverse(route, args=[number]), part) if route else escape(part))
    return mark_safe("".join(html))  # noqa: S308  every part is escaped above


@register.filter
def run_link(run_id: int) -> SafeString:
    """Return a run's number as a link to it."""
    return linked(f"R-{run_id}")


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return an icon of the vendored sprite; it is decoration, the word beside it carries the meaning."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag
def chip(value: Chip) -> SafeString:
    """Return a chip with its glyph (a pulsing dot for what is going on) and its word."""
    glyph = icon(value.icon) if value.icon else mark_safe('<span class="dot" aria-hidden="true"></span>')
    return format_html('<span class="chip {}">{}{}</span>', value.tone, glyph, value.text)


@register.simple_tag
def ago(then: datetime | None) -> SafeString:
    """Return a moment as the time since, kept fresh by the page's script, with the exact time as its title."""
    if then is None:
        return format_html("{}", words.NOTHING)
    exact = then.astimezone(timezone.get_current_timezone())
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        then.isoformat(),
        exact.strftime("%-d %B %Y, %H:%M:%S %Z"),
        words.ago(then, timezone.now()),
    )


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """Return the page's query string with some values changed; an empty value removes one."""
    current: QueryDict = context["request"].GET.copy()
    for name, value in changes.items():
        current.pop(name, None)
        if value not in ("", None):
            current[name] = str(value)
    encoded = current.urlencode()
    return f"?{encoded}" if encoded else "?"
