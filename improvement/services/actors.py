"""Who acts, as every service and the audit log know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from improvement.exceptions import NotAllowed
from improvement.models import ApiToken, User
from improvement.permissions import Person
from improvement.selectors.people import person_of


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (through the web or the command line), a program with a person's token, or the system itself."""

    kind: Literal["human", "system", "token"]
    id: str
    name: str
    via: Literal["web", "command line", "worker", "token"]
    person: Person | None = None

    @property
    def person_id(self) -> int | None:
        """The id of the acting person, if a person acts."""
        return self.person.id if self.person else None


def require_person(actor: Actor, what: str) -> Person:
    """Return the person who decides: somebody signed in or at the command line, never a token of theirs or the system.

    ``what`` completes "Only a person can …". Raises NotAllowed.
    """
    if actor.person is None or actor.kind != "human":
        raise NotAllowed(f"Only a person can {what}; a token or a worker cannot.")
    return actor.person


SYSTEM = Actor(kind="system", id="system", name="Countersign", via="worker")


def human(user: User, *, via: Literal["web", "command line"] = "web") -> Actor:
    """Return the actor for a signed-in user."""
    person = person_of(user)
    return Actor(kind="human", id=f"user:{user.pk}", name=person.name, via=via, person=person)


def by_token(token: ApiToken) -> Actor:
    """Return the actor for a program that shows a token of somebody."""
    person = person_of(token.user)
    return Actor(kind="token", id=f"token:{token.pk}", name=person.name, via="token", person=person)
