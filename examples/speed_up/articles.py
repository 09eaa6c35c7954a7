"""Articles drawn by seed: a few tags each, some tags much commoner than others."""

import random

WORDS = ["python", "django", "audit", "review", "release", "sandbox", "metric", "search", "model", "policy"]


def draw(seed, *, articles, tags, most):
    """Return so many articles with up to `most` different ones of so many tags."""
    chance = random.Random(seed)
    names = [f"{WORDS[number % len(WORDS)]}-{number // len(WORDS)}" for number in range(tags)]
    chance.shuffle(names)
    weights = [1.0 / (rank + 10) for rank in range(tags)]
    return [
        sorted(set(chance.choices(names, weights, k=chance.randint(0, most))), key=lambda _: chance.random())
        for _ in range(articles)
    ]
