"""Score a search by how far from the deepest point it ends, on six hollows."""

import argparse
import random

from shinka.core import run_shinka_eval

RUNS = 6
places = []


def get_kwargs(run):
    """Hand over the height of the ground of a hollow that nobody has seen."""
    place = random.uniform(-5, 5)
    places.append(place)
    return {"height": lambda x: (x - place) ** 2}


def validate(found):
    """Accept a place within the ground."""
    right = isinstance(found, float) and -5 <= found <= 5
    return right, None if right else "the answer is no place from -5 to 5"


def aggregate(found):
    """Return the mean distance, as a score of which more is better."""
    distance = sum(abs(one - place) for one, place in zip(found, places)) / len(found)
    return {"combined_score": -distance, "public": {"distance": distance}, "private": {}}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program_path", required=True)
    parser.add_argument("--results_dir", required=True)
    given = parser.parse_args()
    run_shinka_eval(
        program_path=given.program_path,
        results_dir=given.results_dir,
        experiment_fn_name="search",
        num_runs=RUNS,
        get_experiment_kwargs=get_kwargs,
        validate_fn=validate,
        aggregate_metrics_fn=aggregate,
    )
