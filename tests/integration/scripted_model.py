"""What a scripted model answers on the examples: honest, wrong and broken edits, chosen by what it is asked."""

from __future__ import annotations

import re

from tests.integration.test_debug_me import MENDED

FENCED = re.compile(r"BEGIN file (\S+) (\w+)\n(.*?)\nEND file \1 \2", re.DOTALL)


def edit(path: str, old: str, new: str) -> str:
    """Return one edit as models are asked to write it."""
    return f"{path}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"


class Debugger:
    """Mends one fault of debug_me after the other; each third answer is wrong, each fourth broken, some are chatter.

    What it answers depends on the question alone: how many characters it has decides which kind it is.
    """

    def __call__(self, prompt: str) -> str:
        kind = len(prompt) % 7
        if kind == 0:
            return "I would be happy to help! First, tell me more about your library."
        if kind == 1:
            return edit("dates.py", "LENGTHS = [1, 2, 3]", "LENGTHS = []")
        if kind == 2:
            return "Change: shorter\n\n" + edit("spans.py", "    merged = []", "    return (((")
        if kind == 3:
            return "Change: no spans at all\n\n" + edit("spans.py", "    merged = []", "    return []\n    merged = []")
        return self.honest(prompt)

    def honest(self, prompt: str) -> str:
        """Mend the first fault that the shown files still have, from a place that the question decides."""
        files = {match[1]: match[3] for match in FENCED.finditer(prompt)}
        todo = [(path, old, new) for path, pairs in MENDED.items() for old, new in pairs if old in files.get(path, "")]
        if not todo:
            return "Everything is right already."
        path, old, new = todo[len(prompt) % len(todo)]
        text = files[path]
        start, end = text.index(old), text.index(old) + len(old)
        begin, stop = text.rfind("\n", 0, start) + 1, text.find("\n", end) % (len(text) + 1)
        whole = text[begin:stop]
        return f"Change: mend {path}\n\n" + edit(path, whole, whole.replace(old, new, 1))


def nearer(prompt: str) -> str:
    """Answer with a number nearer to 3, how near the question decides: honest edits of the parabola of the tests."""
    shown = FENCED.findall(prompt)
    found = re.search(r"return (-?[\d.]+)", shown[-1][2]) if shown else None
    if found is None:
        return "There is no number here."
    path = shown[-1][0]
    number = float(found[1])
    return f"Change: nearer\n\n{edit(path, found[0], f'return {number + (3 - number) * (1 + len(prompt) % 7) / 9!r}')}"
