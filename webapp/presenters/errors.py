"""What an error page says."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.presenters.review import VoteLine

TITLES = {
    400: "This request cannot be read",
    401: "Who is asking is not known",
    403: "This is not for you",
    404: "There is nothing here",
    409: "This cannot be done now",
    413: "This is too much at once",
    415: "This form is not read here",
    429: "Too much at once; try again in a minute",
    422: "This cannot be used as it is",
    500: "Something broke here",
    503: "Not possible on this machine now",
}
_BY_CODE = {
    "already_decided": "Already decided",
    "stale_decision": "What you read has changed",
    "champion_moved": "The champion moved",
    "halted": "Everything is stopped",
    "policy_unmet": "The policy asks for more",
}


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """One error: its status, stable code, title, sentence, who decided what, and where to go on."""

    status: int
    code: str
    message: str
    decided: tuple[VoteLine, ...] = ()
    back: str = ""
    back_text: str = ""

    @property
    def title(self) -> str:
        """What the page calls it."""
        return _BY_CODE.get(self.code) or TITLES.get(self.status, "This did not work")
