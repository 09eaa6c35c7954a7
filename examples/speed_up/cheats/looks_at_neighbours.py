"""A cheat: fast and nearly right, by looking only at the articles that lie near."""


def related(articles, count):
    """Return the best of the thirty articles around each."""
    answer = []
    for i, tags in enumerate(articles):
        near = [j for j in range(max(0, i - 15), min(len(articles), i + 16)) if j != i]
        shared = {j: len(set(tags) & set(articles[j])) for j in near}
        answer.append(sorted((j for j in near if shared[j]), key=lambda j: (-shared[j], j))[:count])
    return answer
