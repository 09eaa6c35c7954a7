"""Signing in: by link, by password, by invitation; what is shown once and what is never used twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest
from django.test import Client
from django.utils import timezone

from improvement.models import User
from improvement.services import people
from tests import factories as make
from tests.at_once import at_once
from webapp import throttle
from webapp.throttle import Brake

Browsers = Callable[[User | None], Client]
PHRASE = "correct horse battery"

pytestmark = pytest.mark.django_db


def _link() -> str:
    return people.ensure_first_administrator(now=timezone.now())


def test_looking_at_a_link_does_not_use_it_up() -> None:
    link, browser = _link(), Client()
    for _ in range(3):
        page = browser.get(link)
        assert (page.status_code, "Sign in as admin" in page.content.decode()) == (200, True)
    assert "_auth_user_id" not in browser.session
    answer = browser.post(link)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/set-password/")
    assert browser.get("/").status_code == 200


def test_a_link_works_once() -> None:
    link = _link()
    assert Client().post(link).status_code == 302
    again = Client().post(link)
    assert again.status_code == 409
    assert "used already" in again.content.decode()


def test_an_invitation_leads_to_a_password_and_that_signs_in_tomorrow(signed_in: Browsers) -> None:
    page = signed_in(make.user("alice")).post("/team/invite/", {"name": "dave", "role": "reviewer"}).content.decode()
    link = re.search(r'value="http://testserver(/enter/[^"]+)"', page)
    assert link is not None
    first = Client()
    first.post(link[1])
    assert first.post("/set-password/", {"new": PHRASE, "again": PHRASE}).headers["Location"] == "/"
    tomorrow = Client()
    answer = tomorrow.post("/sign-in/", {"name": "dave", "password": PHRASE, "next": "/runs/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/runs/")


def test_the_invitation_link_is_shown_only_once(signed_in: Browsers) -> None:
    alice = signed_in(make.user("alice"))
    assert "/enter/" in alice.post("/team/invite/", {"name": "dave", "role": "viewer"}).content.decode()
    assert "/enter/" not in alice.get("/team/").content.decode()


def test_a_taken_name_is_said_beside_the_field(signed_in: Browsers) -> None:
    make.user("bob")
    answer = signed_in(make.user("alice")).post("/team/invite/", {"name": "bob", "role": "viewer"})
    assert answer.status_code == 409
    assert "There is already a person named bob." in answer.content.decode()


def test_a_wrong_password_tells_nothing_about_the_name() -> None:
    make.user("bob")
    known, unknown = (Client().post("/sign-in/", {"name": name, "password": "no"}) for name in ("bob", "nobody"))
    assert known.status_code == unknown.status_code == 422
    strip = re.compile(r'value="[^"]*"')
    assert strip.sub("", known.content.decode()) == strip.sub("", unknown.content.decode())


@pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_never_leads_away(onward: str) -> None:
    user = make.user("bob")
    user.set_password(PHRASE)
    user.save()
    answer = Client().post("/sign-in/", {"name": "bob", "password": PHRASE, "next": onward})
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("new", "again", "said"), [("short", "short", "at least 10"), (PHRASE, "another phrase", "not the same")]
)
def test_a_password_that_cannot_be_says_why(signed_in: Browsers, new: str, again: str, said: str) -> None:
    answer = signed_in(make.user("bob")).post("/set-password/", {"new": new, "again": again})
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_the_keyboard_can_be_switched_off(signed_in: Browsers) -> None:
    bob = signed_in(make.user("bob"))
    assert 'data-keys="on"' in bob.get("/").content.decode()
    bob.post("/you/keyboard/", {})
    assert 'data-keys="off"' in bob.get("/").content.decode()


def test_a_form_without_its_token_is_refused_in_words() -> None:
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post("/sign-in/", {"name": "bob", "password": "x"})
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()


def test_a_pause_follows_many_wrong_passwords(redis_url: str) -> None:
    user = make.user("dora", "viewer")
    user.set_password(PHRASE)
    user.save()
    browser = Client()
    for _ in range(throttle.WRONG_FOR_PAIR):
        assert browser.post("/sign-in/", {"name": "dora", "password": "a wrong one"}).status_code == 422

    paused = browser.post("/sign-in/", {"name": "dora", "password": PHRASE})

    assert (paused.status_code, "Wait five minutes" in paused.content.decode()) == (422, True)


def test_the_owner_of_a_name_signs_in_elsewhere_while_a_stranger_guesses(redis_url: str) -> None:
    user = make.user("edda", "viewer")
    user.set_password(PHRASE)
    user.save()
    stranger, owner = Client(REMOTE_ADDR="192.0.2.1"), Client(REMOTE_ADDR="192.0.2.2")
    for _ in range(throttle.WRONG_FOR_PAIR + 3):
        stranger.post("/sign-in/", {"name": "edda", "password": "a wrong one"})

    assert owner.post("/sign-in/", {"name": "edda", "password": PHRASE}).status_code == 302
    refused = stranger.post("/sign-in/", {"name": "edda", "password": PHRASE})
    assert (refused.status_code, "Wait five minutes" in refused.content.decode()) == (422, True)


def test_guessing_from_everywhere_makes_a_name_slow_and_never_closed(redis_url: str) -> None:
    for number in range(throttle.FREE_FOR_NAME + 20):
        throttle.count_try("frida", f"192.0.2.{number}")
    assert throttle.count_try("Frida", "198.51.100.1") == Brake(seconds=throttle.LONGEST_DELAY_SECONDS)
    assert throttle.count_try("gerda", "198.51.100.1") == Brake()


def test_guessing_many_names_from_one_address_is_slow(redis_url: str) -> None:
    for number in range(throttle.FREE_FOR_ADDRESS + 1):
        throttle.count_try(f"somebody-{number}", "203.0.113.9")
    assert throttle.count_try("henry", "203.0.113.9") == Brake(seconds=0.5)


def test_a_burst_of_tries_passes_no_more_than_one_after_another_would(redis_url: str) -> None:
    met = at_once(*[lambda: throttle.count_try("jana", "192.0.2.7")] * 30)
    assert met.count(Brake()) == throttle.WRONG_FOR_PAIR
    assert met.count(Brake(refused=True)) == 30 - throttle.WRONG_FOR_PAIR


def test_a_burst_from_everywhere_makes_each_further_try_slower(redis_url: str) -> None:
    tries = [partial(throttle.count_try, "kira", f"192.0.2.{number}") for number in range(throttle.FREE_FOR_NAME + 4)]
    met = [one.seconds for one in at_once(*tries) if isinstance(one, Brake)]
    assert sorted(met) == [0.0] * throttle.FREE_FOR_NAME + [0.25, 0.5, 1.0, 2.0]


def test_a_right_password_is_not_counted_and_clears_what_was_mistyped(redis_url: str) -> None:
    user = make.user("lena", "viewer")
    user.set_password(PHRASE)
    user.save()
    for _ in range(throttle.FREE_FOR_NAME + 1):
        assert Client().post("/sign-in/", {"name": "lena", "password": PHRASE}).status_code == 302
    for _ in range(2):
        for _ in range(throttle.WRONG_FOR_PAIR - 1):
            Client().post("/sign-in/", {"name": "lena", "password": "a wrong one"})
        assert Client().post("/sign-in/", {"name": "lena", "password": PHRASE}).status_code == 302


def test_only_so_many_tries_from_one_address_wait_at_once(redis_url: str) -> None:
    for number in range(throttle.FREE_FOR_NAME):
        throttle.count_try("mona", f"192.0.2.{number}")
    with ExitStack() as held:
        places = [held.enter_context(throttle.waiting("203.0.113.5")) for _ in range(throttle.WAITING_FOR_ADDRESS)]
        sent = {"name": "mona", "password": "a wrong one"}
        here, elsewhere = (Client(REMOTE_ADDR=one).post("/sign-in/", sent) for one in ("203.0.113.5", "203.0.113.6"))
    assert places == [True] * throttle.WAITING_FOR_ADDRESS
    assert "wait already" in here.content.decode()
    assert "do not belong together" in elsewhere.content.decode()
    with throttle.waiting("203.0.113.5") as has_place:
        assert has_place


@pytest.mark.parametrize(("beyond", "seconds"), [(-1, 0.0), (0, 0.25), (1, 0.5), (4, 4.0), (10_000, 4.0)])
def test_delays_double_up_to_four_seconds(beyond: int, seconds: float) -> None:
    assert throttle.delay(beyond) == seconds


def test_a_link_lets_in_while_passwords_are_refused(redis_url: str) -> None:
    ida = make.user("ida", "viewer")
    link = people.renew_invitation(ida.pk, actor=make.alice(), now=timezone.now())
    browser = Client()
    for _ in range(throttle.WRONG_FOR_PAIR + 1):
        browser.post("/sign-in/", {"name": "ida", "password": "a wrong one"})
    assert browser.post(link).headers["Location"] == "/set-password/"


def test_a_renewed_link_replaces_a_forgotten_password() -> None:
    alice, dora = make.alice(), make.user("dora", "viewer")
    dora.set_password(PHRASE)
    dora.save()
    link = people.renew_invitation(dora.pk, actor=alice, now=timezone.now())
    browser = Client()

    assert browser.post(link).headers["Location"] == "/set-password/"
    answer = browser.post("/set-password/", {"new": "another long phrase", "again": "another long phrase"})

    assert answer.status_code == 302
    assert Client().login(username="dora", password="another long phrase")
