"""Who acts, as every service and the audit log know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from improvement.models import User
from improvement.permissions import Person
from improvement.selectors.people import person_of


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (through the web or the command line) or the system itself."""

    kind: Literal["human", "system"]
    id: str
    name: str
    via: Literal["web", "command line", "worker"]
    person: Person | None = None

    @property
    def person_id(self) -> int | None:
        """The id of the acting person, if a person acts."""
        return self.person.id if self.person else None


SYSTEM = Actor(kind="system", id="system", name="Countersign", via="worker")


def human(user: User, *, via: Literal["web", "command line"] = "web") -> Actor:
    """Return the actor for a signed-in user."""
    person = person_of(user)
    return Actor(kind="human", id=f"user:{user.pk}", name=person.name, via=via, person=person)
