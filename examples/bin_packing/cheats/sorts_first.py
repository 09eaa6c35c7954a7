"""Looks at all items before it places the first: no rule for items as they come."""


def pack(items, capacity):
    """Place the largest items first, each into the first bin with room."""
    places, rooms = [0] * len(items), []
    for index in sorted(range(len(items)), key=lambda index: -items[index]):
        place = next((place for place, room in enumerate(rooms) if room >= items[index]), len(rooms))
        if place == len(rooms):
            rooms.append(capacity)
        rooms[place] -= items[index]
        places[index] = place
    return places
