"""Circles in the unit square: rows of centers by a few numbers, settled by SLSQP, then one circle moved at a time."""

import numpy as np
from scipy.optimize import minimize

ROWS = 5  # how many rows there are
STAGGER = 0.0  # how far every other row is moved sideways, in gaps between circles
LEAN = 0.0  # how many more circles the middle rows have than the outer ones
WAVE = 0.0  # how far circles stand off their row, up and down by turns, in gaps between rows
SQUEEZE = 0.0  # how much closer rows stand towards the top
TURN = 0.0  # how far the whole is turned, in radians
SMALLEST = 0.5  # how often it is the smallest circle that is moved elsewhere, not any other
SHAKE = 0.01  # how far all others are shaken then
MOVES = 0  # how often a circle is moved

NEAR = 0.4  # circles whose centers begin farther apart are not kept from touching, only checked in the end


def layout(n):
    """Return the centers from which the circles are settled first, an array of shape (n, 2)."""
    weights = np.array([1 + LEAN * (1 - abs(2 * row / max(ROWS - 1, 1) - 1)) for row in range(ROWS)])
    edges = np.round(np.concatenate([[0], np.cumsum(weights)]) / weights.sum() * n).astype(int)
    centers = []
    for row, count in enumerate(np.diff(edges)):
        height = ((row + 0.5) / ROWS) ** np.exp(SQUEEZE)
        for place in range(count):
            x = (place + 0.5 + STAGGER * (row % 2 - 0.5)) / count
            centers.append([x, height + WAVE * (place % 2 - 0.5) / ROWS])
    turned = np.array(centers) - 0.5
    turn = np.array([[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]])
    return np.clip(turned @ turn + 0.5, 0.02, 0.98)


def settle(centers):
    """Return x, y and radius of circles near `centers`, shape (3, n), whose sum of radii no small move can raise."""
    n, own = len(centers), np.arange(len(centers))
    first, second = np.triu_indices(n, 1)
    close = np.hypot(*(centers[first] - centers[second]).T) < NEAR
    first, second = first[close], second[close]
    pairs = np.arange(len(first))

    def room(values):
        x, y, radius = values.reshape(3, n)
        apart = np.hypot(x[first] - x[second], y[first] - y[second]) - radius[first] - radius[second]
        return np.concatenate([apart, x - radius, 1 - x - radius, y - radius, 1 - y - radius])

    def slopes(values):
        x, y, _ = values.reshape(3, n)
        far = np.hypot(x[first] - x[second], y[first] - y[second]) + 1e-12
        rows = np.zeros((len(first) + 4 * n, 3 * n))
        for shift, part in ((0, (x[first] - x[second]) / far), (n, (y[first] - y[second]) / far)):
            rows[pairs, shift + first], rows[pairs, shift + second] = part, -part
        rows[pairs, 2 * n + first] = rows[pairs, 2 * n + second] = -1
        for block, (shift, sign) in enumerate(((0, 1), (0, -1), (n, 1), (n, -1))):
            place = len(first) + block * n + own
            rows[place, shift + own], rows[place, 2 * n + own] = sign, -1
        return rows

    gain = np.concatenate([np.zeros(2 * n), -np.ones(n)])
    found = minimize(
        lambda values: -values[2 * n :].sum(),
        np.concatenate([centers[:, 0], centers[:, 1], np.full(n, 0.05)]),
        jac=lambda values: gain,
        constraints={"type": "ineq", "fun": room, "jac": slopes},
        method="SLSQP",
        options={"maxiter": 100, "ftol": 1e-9},
    )
    return found.x.reshape(3, n)


def shrunk(circles):
    """Return the circles with radii so much smaller that none overlaps another or stands out of the square."""
    x, y, radius = circles
    first, second = np.triu_indices(len(x), 1)
    apart = np.hypot(x[first] - x[second], y[first] - y[second]) - radius[first] - radius[second]
    inside = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) - radius
    return np.array([x, y, np.maximum(radius + min(apart.min() / 2, inside.min(), 0.0), 0.0)])


def hop(circles, chance):
    """Return the circles settled again after one of them was put elsewhere and all others shaken."""
    x, y, radius = circles
    centers = np.array([x, y]).T
    moved = int(np.argmin(radius)) if chance.random() < SMALLEST else int(chance.integers(len(x)))
    centers[moved] = chance.random(2)
    centers = np.clip(centers + chance.normal(0, SHAKE, centers.shape), 0.02, 0.98)
    return shrunk(settle(centers))


def construct(n):
    """Return `n` circles in the unit square as [x, y, radius]."""
    chance = np.random.default_rng(n)
    best = shrunk(settle(layout(n)))
    for _ in range(MOVES):
        other = hop(best, chance)
        best = other if other[2].sum() > best[2].sum() else best
    return best.T.tolist()
