"""The standard errors that the evaluation harness draws, written down anew in Python: how it draws is its rule, and random is Python's own.

Run without arguments in this folder; it writes bootstrap.json. Needs Python 3 and nothing else.
"""
import json
import math
import random


def perplexity(items):
    return math.exp(-sum(items) / len(items))


def f1(items):
    hits = sum(1 for gold, pick in items if gold == pick == 1)
    precise, found = sum(1 for _, pick in items if pick == 1), sum(1 for gold, _ in items if gold == 1)
    if hits == 0:
        return 0.0
    precision, recall = hits / precise, hits / found
    return 2 * precision * recall / (precision + recall)


def mcc(items):
    """Of the covariances of one-hot rows."""
    choices, n = sorted({choice for pair in items for choice in pair}), len(items)

    def covariance(a, b):
        return sum(sum((pair[a] == c) * (pair[b] == c) for pair in items) / n - sum(pair[a] == c for pair in items) * sum(pair[b] == c for pair in items) / n ** 2
                   for c in choices)

    scale = covariance(0, 0) * covariance(1, 1)
    return 0.0 if scale <= 1e-15 else covariance(0, 1) / math.sqrt(scale)


def standard_error(metric, items, iterations):
    results, size = [], min(1000, iterations)
    for number in range(iterations // size):
        drawn = random.Random(number)
        results += [metric(drawn.choices(items, k=len(items))) for _ in range(size)]
    mean = sum(results) / len(results)
    return math.sqrt(sum((result - mean) ** 2 for result in results) / (len(results) - 1))


def pairs(seed, count, choices):
    rows = random.Random(seed)
    return [(gold, gold if rows.random() < 0.6 else rows.randrange(choices)) for gold in (rows.randrange(choices) for _ in range(count))]


rows = random.Random(7)
likelihoods = [round(-rows.expovariate(0.5), 6) for _ in range(40)]
cases = [("perplexity", perplexity, likelihoods, n) for n in (100_000, 2_500, 700)]
cases += [("f1", f1, pairs(8, 60, 2), 20_000), ("mcc", mcc, pairs(9, 60, 2), 2_000), ("mcc", mcc, pairs(10, 50, 4), 2_000)]
lines = [json.dumps(dict(metric=name, items=items, iterations=n, value=metric(items), error=standard_error(metric, items, n))) for name, metric, items, n in cases]
with open("bootstrap.json", "w") as file:
    file.write("[\n" + ",\n".join(lines) + "\n]\n")
