"""Items into bins, one after the other: each goes where the rule likes it best."""

import heapq
import math

# EVOLVE-BLOCK-START


def priority(item: int, room: int, capacity: int) -> float:
    """Say how much an item of this size belongs into a bin that has this room left; an empty bin has all of it."""
    left = room - item
    return 0.0 * left


# EVOLVE-BLOCK-END


def pack(items, capacity):
    """Return the number of the bin that each item goes into; among bins that are liked equally the first one."""
    by_room = {capacity: [0]}  # room left to the bins that have it; one empty bin is always there
    opened = 0
    liked = {}
    chosen = []
    for item in items:
        best_room, best = None, None
        for room, bins in by_room.items():
            if room < item:
                continue
            if (item, room) not in liked:
                liked[item, room] = float(priority(item, room, capacity))
            rank = (-liked[item, room], bins[0])
            if best is None or rank < best:
                best_room, best = room, rank
        place = heapq.heappop(by_room[best_room])
        if not by_room[best_room]:
            del by_room[best_room]
        heapq.heappush(by_room.setdefault(best_room - item, []), place)
        if place == opened:
            opened += 1
            heapq.heappush(by_room.setdefault(capacity, []), opened)
        chosen.append(place)
    return chosen
