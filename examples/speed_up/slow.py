"""The function as it was: what is right, and what a candidate is compared with."""


def related(articles, count):
    """Return for each article the numbers of the others that share most tags with it, at most `count`, best first.

    An article is a list of different tags. Of those that share equally many the earlier one comes first; articles that
    share none are left out.
    """
    answer = []
    for i in range(len(articles)):
        shared = []
        for j in range(len(articles)):
            number = 0
            if i != j:
                for tag in articles[i]:
                    if tag in articles[j]:
                        number = number + 1
            shared.append(number)
        best = []
        while len(best) < count:
            top = None
            for j in range(len(articles)):
                if shared[j] > 0 and j not in best:
                    if top is None or shared[j] > shared[top]:
                        top = j
            if top is None:
                break
            best.append(top)
        answer.append(best)
    return answer
