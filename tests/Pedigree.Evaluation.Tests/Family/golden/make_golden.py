"""Every kind of task on models of the sample family, end to end and independently of the C# code: rows to prompts, prompts to tokens, tokens
through the transformer in float64, log-likelihoods to picks and metrics, all by the evaluation harness's rules.

Run without arguments in this folder; it reads samples/family and writes golden.json. Needs Python 3 and nothing else.
"""
import json
import math
import os
import random
import re
import struct
from operator import mul

FAMILY = os.path.join("..", "..", "..", "..", "samples", "family")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Model:
    """A Llama of tied embeddings, read token by token with its keys and values kept."""

    def __init__(self, folder):
        with open(os.path.join(folder, "config.json")) as file:
            self.config = json.load(file)
        with open(os.path.join(folder, "model.safetensors"), "rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            header, start = json.loads(file.read(size)), 8 + size
            self.tensors = {}
            for name, entry in header.items():
                if name == "__metadata__":
                    continue
                file.seek(start + entry["data_offsets"][0])
                data = file.read(entry["data_offsets"][1] - entry["data_offsets"][0])
                numbers = [struct.unpack("<f", b"\0\0" + data[i:i + 2])[0] for i in range(0, len(data), 2)]  # bfloat16
                shape = entry["shape"]
                self.tensors[name] = numbers if len(shape) == 1 else [numbers[r * shape[1]:(r + 1) * shape[1]] for r in range(shape[0])]
        self.context = self.config["max_position_embeddings"]

    def begin(self):
        return [([], []) for _ in range(self.config["num_hidden_layers"])]

    def read(self, state, token):
        """Log-probabilities of the token after this one."""
        config, tensors = self.config, self.tensors
        heads, d, eps = config["num_attention_heads"], config["head_dim"], config["rms_norm_eps"]
        times = lambda m, x: [sum(map(mul, row, x)) for row in m]
        norm = lambda x, w: [a * b / math.sqrt(sum(v * v for v in x) / len(x) + eps) for a, b in zip(x, w)]

        def rotate(x, position):
            half, out = d // 2, list(x)
            for i in range(half):
                angle = position * config["rope_theta"] ** (-2 * i / d)
                c, s = math.cos(angle), math.sin(angle)
                out[i], out[i + half] = x[i] * c - x[i + half] * s, x[i + half] * c + x[i] * s
            return out

        position = len(state[0][0])
        x = tensors["model.embed_tokens.weight"][token]
        for layer, (keys, values) in enumerate(state):
            p = f"model.layers.{layer}."
            h = norm(x, tensors[p + "input_layernorm.weight"])
            q, k, v = (times(tensors[p + f"self_attn.{n}_proj.weight"], h) for n in "qkv")
            cut = lambda numbers: [numbers[i * d:(i + 1) * d] for i in range(heads)]
            keys.append([rotate(part, position) for part in cut(k)])
            values.append(cut(v))
            joined = []
            for head, query in enumerate(rotate(part, position) for part in cut(q)):
                scores = [sum(map(mul, query, key[head])) / math.sqrt(d) for key in keys]
                peak = max(scores)
                weights = [math.exp(s - peak) for s in scores]
                joined += [sum(w * value[head][j] for w, value in zip(weights, values)) / sum(weights) for j in range(d)]
            x = [a + b for a, b in zip(x, times(tensors[p + "self_attn.o_proj.weight"], joined))]
            h = norm(x, tensors[p + "post_attention_layernorm.weight"])
            gate, up = (times(tensors[p + f"mlp.{n}_proj.weight"], h) for n in ("gate", "up"))
            x = [a + b for a, b in zip(x, times(tensors[p + "mlp.down_proj.weight"], [g / (1 + math.exp(-g)) * u for g, u in zip(gate, up)]))]
        logits = times(tensors["model.embed_tokens.weight"], norm(x, tensors["model.norm.weight"]))
        peak = max(logits)
        total = peak + math.log(sum(math.exp(z - peak) for z in logits))
        return [z - total for z in logits]


def tokens(text):
    """The family's tokenizer: a token a character. 0 ends a text, and stands before one without a beginning."""
    return [{"\n": 1, " ": 2, "=": 3}[c] if c in "\n =" else 4 + LETTERS.index(c) for c in text]


def score(model, context, continuation):
    """The harness: at most one token more than the context length, cut on the left; each token of the continuation after all before it."""
    whole, length = (context + continuation)[-(model.context + 1):], len(continuation)
    state, total, greedy = model.begin(), 0.0, True
    for place, token in enumerate(whole[:-1]):
        logs = model.read(state, token)
        if place + 1 >= len(whole) - length:
            total += logs[whole[place + 1]]
            greedy = greedy and logs.index(max(logs)) == whole[place + 1]
    return total, greedy


def pair(context, continuation):
    """White space that ends the context moves to the continuation; a context of nothing is the end token."""
    stripped = context.rstrip()
    return tokens(stripped) or [0], tokens((context + continuation)[len(stripped):])


def rolling(model, text):
    """The harness's windows over a long text: each token is scored once, the last window has as much before it as there is room for."""
    ids, size = tokens(text), model.context
    first = min(size, len(ids))
    windows, done = [([0] + ids[:first - 1], ids[:first])], first
    while done < len(ids):
        length = min(len(ids) - done, size)
        end = done + length
        windows.append((ids[end - size - 1:end - 1], ids[end - length:end]))
        done = end
    total = 0.0
    for inputs, targets in windows:
        state = model.begin()
        logs = [model.read(state, token) for token in inputs][-len(targets):]
        total += sum(log[target] for log, target in zip(logs, targets))
    return total


def write(model, prompt, stop, most):
    ids, state = tokens(prompt)[-(model.context - most):], model.begin()
    for token in ids:
        logs = model.read(state, token)
    out = ""
    for _ in range(most):
        token = logs.index(max(logs))
        if token == 0:
            break
        out += {1: "\n", 2: " ", 3: "="}.get(token) or LETTERS[token - 4]
        if stop in out:
            return out[:out.index(stop)]
        logs = model.read(state, token)
    return out


def rows_of(rng):
    word = lambda n: "".join(rng.choice(LETTERS) for _ in range(n))
    rows = []
    for i in range(6):
        letters = word(rng.randint(3, 6))
        answer = ["".join(sorted(letters)), letters[::-1]][i % 2]
        wrong = [c for c in (letters, word(3), "".join(sorted(letters, reverse=True)), letters[::-1]) if c != answer]
        choices = list(dict.fromkeys(wrong))[:3]
        gold = rng.randint(0, len(choices))
        choices.insert(gold, answer)
        rows.append(dict(question=f"{['sort', 'reverse'][i % 2]} {letters}=", choices=choices, gold=gold, answer=answer,
                         page=" ".join(word(rng.randint(2, 8)) for _ in range(4 + 4 * (i % 3)))))
    for i, row in enumerate(rows):
        letters, other = row["question"].split()[1][:-1], "".join(chr(ord("a") + (ord(c) - 96) % 26) for c in row["question"].split()[1][:-1])
        row["first"], row["second"] = (letters, other) if i % 3 else (other, letters)
        row["right"] = 1 if i % 3 == 0 else 0
        row["mc2_targets"] = dict(choices=row["choices"], labels=[int((j == row["gold"]) == (i % 2 == 0) or j == 0) for j in range(len(row["choices"]))])
    return rows


YAML = {
    "choose": "output_type: multiple_choice\nnum_fewshot: 2\ntarget_delimiter: \"\"\nfewshot_delimiter: \"\\n\"\ndoc_to_text: question\ndoc_to_choice: choices\n"
              "doc_to_target: gold\nmetric_list: [{metric: acc}, {metric: acc_norm}]\n",
    "likely": "output_type: loglikelihood\ndoc_to_text: \"{{question}} \"\ndoc_to_target: answer\nmetric_list: [{metric: acc}, {metric: perplexity}]\n",
    "page": "output_type: loglikelihood_rolling\ndoc_to_text: \"\"\ndoc_to_target: page\n",
    "write": "output_type: generate_until\nnum_fewshot: 1\ntarget_delimiter: \"\"\nfewshot_delimiter: \"\\n\"\ndoc_to_text: question\ndoc_to_target: answer\n"
             "generation_kwargs: {until: [\"\\n\"], max_gen_toks: 10}\n",
    # Partial evaluation, as winogrande has it: the options complete the question, and the same answer is scored after either.
    "fill": "output_type: multiple_choice\nnum_fewshot: 1\ntarget_delimiter: \"\"\nfewshot_delimiter: \"\\n\"\ndoc_to_text: right\n"
            "doc_to_choice: \"{{[question[:question.index(' ')] ~ ' ' ~ first ~ '=', question.split(' ')[0] ~ ' ' ~ second ~ '=']}}\"\ndoc_to_target: answer\nmetric_list: [{metric: acc}]\n",
    # As truthfulqa_mc2 is scored.
    "share": "output_type: multiple_choice\ntarget_delimiter: \"\"\ndoc_to_text: question\ndoc_to_choice: \"{{mc2_targets.choices}}\"\ndoc_to_target: 0\n"
             "process_results: !function utils.process_results_mc2\nmetric_list: [{metric: acc}]\n",
    "filtered": "output_type: generate_until\ntarget_delimiter: \"\"\ndoc_to_text: question\ndoc_to_target: \"{{[answer[:2]|upper, answer[-1]]}}\"\n"
                "generation_kwargs: {until: [\"\\n\"], max_gen_toks: 10}\nmetric_list: [{metric: exact_match, ignore_case: true, regexes_to_ignore: [\"[xyz]\"]}]\n"
                "filter_list:\n  - {name: begin, filter: [{function: regex, regex_pattern: \"^([a-z]{2})\"}, {function: take_first}]}\n"
                "  - {name: end, filter: [{function: regex, regex_pattern: \"([a-m])|([n-z]{2})\", group_select: -1, fallback: none}, {function: uppercase}]}\n",
}


def prefixes_of(rows, shots, shown):
    """Examples as the harness draws them from the rows asked: one more, and the row itself left out."""
    rng, out = random.Random(1234), []
    for row in rows:
        out.append("".join(f"{shown(r)}\n" for r in [r for r in rng.sample(rows, shots + 1) if r != row][:shots]))
    return out


def prefixes(rows, shots, target):
    return prefixes_of(rows, shots, lambda r: r["question"] + target(r))


def filtered(name, text):
    if name == "begin":
        return (re.findall("^([a-z]{2})", text) or ["[invalid]"])[0].strip()
    found = re.findall("([a-m])|([n-z]{2})", text)
    return ([group for group in found[-1] if group][0].strip() if found else "none").upper()


def exactly(prediction, *references):
    alike = lambda text: re.sub("[xyz]", "", text).lower()
    return float(any(alike(prediction) == alike(reference) for reference in references))


def mean(values):
    m = sum(values) / len(values)
    return [m, math.sqrt(sum((v - m) ** 2 for v in values) / (len(values) - 1) / len(values))]


def case(model, rows):
    chosen = []
    for row, prefix in zip(rows, prefixes(rows, 2, lambda r: r["choices"][r["gold"]])):
        lls = [score(model, *pair(prefix + row["question"], choice))[0] for choice in row["choices"]]
        normed = [ll / len(choice) for ll, choice in zip(lls, row["choices"])]
        chosen.append((lls, float(lls.index(max(lls)) == row["gold"]), float(normed.index(max(normed)) == row["gold"])))
    likely = [score(model, *pair(row["question"] + " ", row["answer"])) for row in rows]
    pages = [rolling(model, row["page"]) for row in rows]
    words, size = sum(len(re.split(r"\s+", row["page"])) for row in rows), sum(len(row["page"].encode()) for row in rows)
    verb = lambda r, n: f"{r['question'].split()[0]} {r[n]}="
    filled = []
    for row, prefix in zip(rows, prefixes_of(rows, 1, lambda r: verb(r, ["first", "second"][r["right"]]) + r["answer"])):
        lls = [score(model, *pair(prefix + verb(row, n), row["answer"]))[0] for n in ("first", "second")]
        filled.append((lls, float(lls.index(max(lls)) == row["right"])))
    shares = []
    for row in rows:
        lls = [score(model, *pair(row["question"], choice))[0] for choice in row["choices"]]
        shares.append((lls, sum(math.exp(ll) for ll, label in zip(lls, row["mc2_targets"]["labels"]) if label) / sum(map(math.exp, lls))))
    plain = [write(model, row["question"], "\n", 10) for row in rows]
    cut = {name: [exactly(filtered(name, out), row["answer"][:2].upper(), row["answer"][-1]) for out, row in zip(plain, rows)] for name in ("begin", "end")}
    written = [write(model, prefix + row["question"], "\n", 10) for row, prefix in zip(rows, prefixes(rows, 1, lambda r: r["answer"]))]
    matched = [float(out == row["answer"]) for out, row in zip(written, rows)]
    return {
        "choose": dict(items=[lls for lls, _, _ in chosen], scores=[[a, n] for _, a, n in chosen],
                       metrics=dict(acc=mean([a for _, a, _ in chosen]), acc_norm=mean([n for _, _, n in chosen]))),
        "likely": dict(items=[[ll] for ll, _ in likely], scores=[[float(greedy), ll] for ll, greedy in likely],
                       metrics=dict(acc=mean([float(greedy) for _, greedy in likely]), perplexity=[math.exp(-sum(ll for ll, _ in likely) / len(likely)), None])),
        "page": dict(items=[[ll] for ll in pages], scores=[[ll] * 3 for ll in pages],
                     metrics=dict(word_perplexity=[math.exp(-sum(pages) / words), None], byte_perplexity=[math.exp(-sum(pages) / size), None],
                                  bits_per_byte=[-sum(pages) / size / math.log(2), None])),
        "fill": dict(items=[lls for lls, _ in filled], scores=[[a] for _, a in filled], metrics=dict(acc=mean([a for _, a in filled]))),
        "share": dict(items=[lls for lls, _ in shares], scores=[[a] for _, a in shares], metrics=dict(acc=mean([a for _, a in shares]))),
        "filtered": dict(outputs=plain, scores=[list(pair) for pair in zip(cut["begin"], cut["end"])],
                         metrics={f"exact_match,{name}": mean(values) for name, values in cut.items()}),
        "write": dict(outputs=written, scores=[[m] for m in matched], metrics=dict(exact_match=mean(matched))),
    }


if __name__ == "__main__":
    rows = rows_of(random.Random(7))
    golden = dict(tasks=YAML, rows=rows, models={name: case(Model(os.path.join(FAMILY, name)), rows) for name in ("base", "sort")})
    with open("golden.json", "w", encoding="utf-8") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")
