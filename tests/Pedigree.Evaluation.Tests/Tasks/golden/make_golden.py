"""What the evaluation harness asks a model in each built-in task, and what it makes of the answers, written down anew in Python.

The rows are our own, in the formats of the real data sets. Run without arguments in this folder; it writes golden.json. Needs Python 3
and nothing else.
"""
import json
import math
import random
import re

PREAMBLE = (
    "Q: What is human life expectancy in the United States?\nA: Human life expectancy in the United States is 78 years.\n\n"
    "Q: Who was president of the United States in 1955?\nA: Dwight D. Eisenhower was president of the United States in 1955.\n\n"
    "Q: Which party did he belong to?\nA: He belonged to the Republican Party.\n\n"
    "Q: What is the square root of banana?\nA: I have no comment.\n\n"
    "Q: How does a telescope work?\nA: Telescopes use lenses or mirrors to focus light and make objects appear closer.\n\n"
    "Q: Where were the 1992 Olympics held?\nA: The 1992 Olympics were held in Barcelona, Spain.")


def winogrande(row):
    at = row["sentence"].index("_")
    contexts = [row["sentence"][:at] + row[o] for o in ("option1", "option2")]
    gold, rest = {"1": 0, "2": 1}[row["answer"]], row["sentence"][at + 1:].strip()
    return dict(contexts=contexts, continuations=[" " + rest] * 2, choices=contexts, gold=[gold], shown=contexts[gold] + " " + rest + "\n\n")


def choice(prompt, choices, gold):
    return dict(contexts=[prompt] * len(choices), continuations=[" " + c for c in choices], choices=choices, gold=[gold],
                shown=prompt + " " + choices[gold] + "\n\n")


def arc(row):
    return choice(f"Question: {row['question']}\nAnswer:", row["choices"]["text"], row["choices"]["label"].index(row["answerKey"]))


def clean(text):
    text = text.strip().replace(" [title]", ". ")
    return re.sub("\\[.*?\\]", "", text).replace("  ", " ")


def hellaswag(row):
    return choice(clean(row["activity_label"] + ": " + row["ctx_a"] + " " + row["ctx_b"].capitalize()), [clean(e) for e in row["endings"]], int(row["label"]))


def piqa(row):
    return choice(f"Question: {row['goal']}\nAnswer:", [row["sol1"], row["sol2"]], row["label"])


def boolq(row):
    return choice(f"{row['passage']}\nQuestion: {row['question']}?\nAnswer:", ["no", "yes"], row["label"])


def mmlu(row):
    letters = "\n".join(f"{letter}. {text}" for letter, text in zip("ABCD", row["choices"]))
    return choice(f"{row['question'].strip()}\n{letters}\nAnswer:", list("ABCD"), row["answer"])


def truthful(kind):
    return lambda row: choice(f"{PREAMBLE}\n\nQ: {row['question']}\nA:", row[kind]["choices"], 0)


def gsm8k(row):
    prompt = f"Question: {row['question']}\nAnswer:"
    return dict(contexts=[prompt], continuations=[""], choices=[], gold=[], shown=f"{prompt} {row['answer']}\n\n")


def detokenized(text):
    text = text.replace("s '", "s'")
    text = re.sub(r"/' [0-9]/", r"/'[0-9]/", text)
    for old, new in ((" @-@ ", "-"), (" @,@ ", ","), (" @.@ ", "."), (" : ", ": "), (" ; ", "; "), (" . ", ". "), (" ! ", "! "), (" ? ", "? "), (" , ", ", ")):
        text = text.replace(old, new)
    for pattern, new in ((r"\(\s*([^\)]*?)\s*\)", r"(\1)"), (r"\[\s*([^\]]*?)\s*\]", r"[\1]"), (r"{\s*([^}]*?)\s*}", r"{\1}"),
                         (r"\"\s*([^\"]*?)\s*\"", r'"\1"'), (r"'\s*([^']*?)\s*'", r"'\1'")):
        text = re.sub(pattern, new, text)
    for old, new in (("= = = =", "===="), ("= = =", "==="), ("= =", "=="), (" \u00b0 ", "\u00b0"), (" \n", "\n"), ("\n ", "\n"), (" N ", " 1 "), (" 's", "'s")):
        text = text.replace(old, new)
    return text


def wikitext(row):
    return dict(contexts=[""], continuations=[detokenized(row["page"])], choices=[], gold=[])


def scores(task, rows, asked):
    """Metrics of made-up log-likelihoods: choice j of row i has −(5 + (7·i + 3·j) mod 5) / 2."""
    lls = [[-(5 + (7 * i + 3 * j) % 5) / 2 for j in range(len(a["continuations"]))] for i, a in enumerate(asked)]
    first = lambda values: values.index(max(values))
    if task == "wikitext":
        total = sum(ll for own in lls for ll in own)
        words = sum(len(re.split(r"\s+", row["page"])) for row in rows)
        size = sum(len(row["page"].encode()) for row in rows)
        return {"word_perplexity": [math.exp(-total / words), None], "byte_perplexity": [math.exp(-total / size), None],
                "bits_per_byte": [-total / size / math.log(2), None]}
    if task == "truthfulqa_mc2":
        values = {"acc": [sum(math.exp(ll) for ll, label in zip(own, row["mc2_targets"]["labels"]) if label == 1) / sum(map(math.exp, own))
                          for own, row in zip(lls, rows)]}
    else:
        values = {"acc": [float(first(own) in a["gold"]) for own, a in zip(lls, asked)]}
        if task in ("arc_easy", "arc_challenge", "hellaswag", "piqa"):
            values["acc_norm"] = [float(first([ll / len(c) for ll, c in zip(own, a["choices"])]) in a["gold"]) for own, a in zip(lls, asked)]
    out = {}
    for name, items in values.items():
        mean = sum(items) / len(items)
        out[name] = [mean, math.sqrt(sum((v - mean) ** 2 for v in items) / (len(items) - 1)) / math.sqrt(len(items))]
    return out


def arc_row(i):
    labels = ["A", "B", "C", "D"][:3 + i % 2] if i != 2 else ["1", "2", "3", "4"]
    return dict(id=f"q{i}", question=f"Which of these is number {i}?", choices=dict(text=[f"thing {i}{c}" * (1 + j) for j, c in enumerate(labels)], label=labels),
                answerKey=labels[i % len(labels)])


ROWS = {
    "winogrande": lambda i: dict(sentence=f"The cup {i} fell off the shelf because _ was a_b loose . ", option1="the cup", option2="the shelf", answer=str(1 + i % 2)),
    "arc_easy": arc_row,
    "arc_challenge": arc_row,
    "hellaswag": lambda i: dict(ind=i, activity_label="Fixing a roof", ctx_a=f"[header] How to fix roof {i} [title] Look up.", ctx_b="a Man", ctx="unused",
                                endings=[f" climbs  up [step] {i}.", "sleeps [title] well.", "is a ROOF.", f"goes {'far ' * i}away."], label=str(i % 4)),
    "piqa": lambda i: dict(goal=f"Open jar {i}", sol1="Turn the lid.", sol2="Hit the lid " + "hard " * i, label=i % 2),
    "boolq": lambda i: dict(question=f"is {i} a number", passage=f"Passage {i}: one, two.", idx=i, label=i % 2),
    "truthfulqa_mc1": lambda i: dict(question=f"What is {i}?", mc1_targets=dict(choices=["A number.", "A letter.", "I don't know."], labels=[1, 0, 0])),
    "truthfulqa_mc2": lambda i: dict(question=f"What is {i}?", mc2_targets=dict(choices=["A number.", "A sign.", "A letter.", "A word."][:3 + i % 2], labels=[1, 1, 0, 0][:3 + i % 2])),
    "mmlu_anatomy": lambda i: dict(question=f"  How many hands in {i}? ", subject="anatomy", choices=["0", "1", "2", "3"], answer=i % 4),
    "gsm8k": lambda i: dict(question=f"What is {i} + 1?", answer=f"It is {i} + 1.\n#### {i + 1}"),
    "wikitext": lambda i: dict(page=f" = Title {i} = \n\n A @-@ B ( {i} @,@ 000 ) cost \" much \" ; it 's N ° here . \n"),
}
SPLITS = {  # few-shot examples; split scored; split of the examples; whether one more is drawn and the row left out; folder of the data set
    "winogrande": (5, "validation", "train", True, "winogrande_xl"), "arc_easy": (2, "test", "train", False, "ARC-Easy"),
    "arc_challenge": (0, "test", "train", False, "ARC-Challenge"), "hellaswag": (3, "validation", "train", True, None), "piqa": (1, "validation", "train", True, None),
    "boolq": (2, "validation", "train", True, "boolq"), "truthfulqa_mc1": (0, "validation", None, False, "multiple_choice"),
    "truthfulqa_mc2": (0, "validation", None, False, "multiple_choice"), "mmlu_anatomy": (5, "test", "dev", False, "anatomy"),
    "gsm8k": (5, "test", "train", False, "main"), "wikitext": (0, "test", None, False, "wikitext-2-raw-v1"),
}
ASK = {"winogrande": winogrande, "arc_easy": arc, "arc_challenge": arc, "hellaswag": hellaswag, "piqa": piqa, "boolq": boolq,
       "truthfulqa_mc1": truthful("mc1_targets"), "truthfulqa_mc2": truthful("mc2_targets"), "mmlu_anatomy": mmlu, "gsm8k": gsm8k, "wikitext": wikitext}


def case(task):
    shots, split, pool_split, leave_out, folder = SPLITS[task]
    rows, pool = [ROWS[task](i) for i in range(4)], [ROWS[task](i) for i in range(3, 40 if task != "mmlu_anatomy" else 8)]
    rng, asked = random.Random(1234), []
    for row in rows:
        own = ASK[task](row)
        if shots == 0:
            shown = []
        elif task.startswith("mmlu"):
            shown = pool[:shots]
        else:
            shown = [r for r in rng.sample(pool, shots + leave_out) if not leave_out or r != row][:shots]
        prefix = "The following are multiple choice questions (with answers) about anatomy.\n\n" if task == "mmlu_anatomy" else ""
        prefix += "".join(ASK[task](r)["shown"] for r in shown)
        asked.append(dict(own, contexts=[prefix + c for c in own["contexts"]]))
    splits = {split: rows}
    if shots:
        splits[pool_split] = pool
    return dict(task=task, fewshot=shots, folder=folder, splits=splits,
                requests=[[[c, t] for c, t in zip(a["contexts"], a["continuations"])] for a in asked], golds=[a["gold"] for a in asked],
                scores={} if task == "gsm8k" else scores(task, rows, asked))


if __name__ == "__main__":
    with open("golden.json", "w", encoding="utf-8") as file:
        json.dump([case(task) for task in ROWS], file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")
