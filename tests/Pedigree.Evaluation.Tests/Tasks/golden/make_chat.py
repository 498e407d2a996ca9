"""What the evaluation harness asks a model that chats, and how it begins answers (gen_prefix), written down anew in Python.

Run without arguments in this folder; it writes chat.json. Needs Python 3 with the package jinja2 (3.1).
"""
import json
import random

from jinja2 import Environment, StrictUndefined

ROWS = [dict(q=f"How much is {i} + 1?", begin=f"{i} + 1 =", choices=[str(i), f"{i + 1}!", "ü"], answer=1 if i % 3 else 0, text=f"it is {i + 1}") for i in range(6)]
TEMPLATES = {
    "default": "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
    "trimming": "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]\n\n{{ m['content'] | trim }}<eot>{% endfor %}{% if add_generation_prompt %}[assistant]\n\n{% endif %}",
    "no system": "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}"
                 "{% if add_generation_prompt %}<assistant>{% endif %}",
}
PICK = dict(output_type="multiple_choice", doc_to_text="Q: {{q}}", doc_to_choice="choices", doc_to_target="answer")
FILL = dict(output_type="multiple_choice", doc_to_text="{{answer}}", doc_to_choice="choices", doc_to_target="{{text}}")
WRITE = dict(output_type="generate_until", doc_to_text="Q: {{q}}\n", doc_to_target="{{text}}")
LIKELY = dict(output_type="loglikelihood", doc_to_text="{{q}}", doc_to_target=" {{text}}")

CASES = [  # task, examples a prompt, apply_chat_template (a name, or nothing), fewshot_as_multiturn, system_instruction
    (PICK, 0, "default", None, None), (PICK, 2, "default", True, "Be kind."), (PICK, 2, "trimming", False, "Be kind.\n"), (PICK, 2, None, None, "Be kind."),
    (dict(PICK, description="About {{q}}"), 1, "no system", True, "Be kind."), (dict(PICK, description="About sums.\n"), 1, None, None, "Be kind."),
    (dict(PICK, gen_prefix="The answer is"), 2, "default", True, None), (dict(PICK, gen_prefix="The answer is "), 2, "trimming", True, None),
    (dict(PICK, gen_prefix="begin"), 2, "trimming", False, "Be kind."), (dict(PICK, gen_prefix="{{begin}} "), 2, None, None, None),
    (dict(PICK, gen_prefix="So", target_delimiter="", fewshot_delimiter="#"), 2, None, None, None),
    (FILL, 2, "default", True, None), (FILL, 2, "default", False, None), (dict(FILL, gen_prefix="so"), 1, "trimming", True, None), (dict(FILL, gen_prefix="so"), 1, None, None, None),
    (WRITE, 2, "trimming", False, None), (dict(WRITE, gen_prefix="{{begin}}"), 2, "default", True, None), (dict(WRITE, gen_prefix="{{begin}}"), 1, None, None, None),
    (dict(WRITE, gen_prefix="Well,", fewshot_config=dict(gen_prefix="Now:")), 1, "no system", False, "Be kind."),
    (LIKELY, 1, "default", True, None), (dict(LIKELY, gen_prefix="Hm,"), 1, "trimming", True, None),
]


def raise_exception(message):
    raise ValueError(message)


def field(source, row):
    if source is None or isinstance(source, (int, list)):
        return source
    if source in row:
        return row[source]
    text = Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(source).render(**row)
    return int(text) if text.isdigit() else text


def touches(a, b):
    return bool(a) and bool(b) and not a[-1].isspace() and not b[0].isspace()


def join(a, delimiter, b):
    return a + (delimiter if touches(a, b) else "") + b


def turn(task, row, begun, answered, question=None):
    """Messages as (role, text, what follows it in plain text)."""
    partial = question is not None
    if question is None:
        question = field(task["doc_to_text"], row)
        if isinstance(question, int):
            question = row["choices"][question]
    delimiter = "" if partial else task.get("target_delimiter", " ")
    answer = ""
    if answered:
        answer = field(task["doc_to_target"], row)
        answer = row["choices"][answer] if isinstance(answer, int) else answer
    messages = [["user", question, delimiter if (touches(question, begun) if begun else answer) else ""]]
    if answer:
        messages.append(["assistant", join(begun, " ", answer), task.get("fewshot_delimiter", "\n\n")])
    elif begun:
        messages.append(["assistant", begun, ""])
    return messages


def written(messages, template, multiturn):
    if template is None:
        return "".join(text + after for _, text, after in messages)
    if not multiturn:
        system = messages[:1] if messages[0][0] == "system" else []
        rest, begun = messages[len(system):], []
        if rest[-1][0] == "assistant":
            rest, begun = rest[:-1], rest[-1:]
        messages = system + [["user", "".join(t + a for _, t, a in rest[:-1]) + rest[-1][1], ""]] + begun
    chat = [dict(role=role, content=text) for role, text, _ in messages]
    goes_on = chat[-1]["role"] == "assistant"
    if goes_on:  # As the transformers library continues a final message.
        chat[-1]["content"] += "CONTINUE_FINAL_MESSAGE_TAG "
    env = Environment(trim_blocks=True, lstrip_blocks=True)
    env.globals["raise_exception"] = raise_exception
    render = lambda chat: env.from_string(TEMPLATES[template]).render(messages=chat, bos_token="<s>", add_generation_prompt=not goes_on)
    try:
        text = render(chat)
    except ValueError:
        text = render([m for m in chat if m["role"] != "system"])
    if goes_on:
        at = text.rindex("CONTINUE_FINAL_MESSAGE_TAG")
        text = text[:at] if text[at:].startswith("CONTINUE_FINAL_MESSAGE_TAG ") else text[:at].rstrip()
    return text


def case(task, shots, template, multiturn, system):
    rng, requests = random.Random(1234), []
    prefix, own = task.get("gen_prefix"), task.get("fewshot_config", {}).get("gen_prefix", task.get("gen_prefix"))
    delimiter = task.get("target_delimiter", " ")
    if template is not None and not (prefix and not prefix[-1].isspace()):
        delimiter = ""
    for row in ROWS:
        before = join(system or "", task.get("fewshot_delimiter", "\n\n"), field(task.get("description"), row) or "")
        before = [["system", before, ""]] if before else []
        for example in [r for r in rng.sample(ROWS, shots + 1) if r != row][:shots] if shots else []:
            before += turn(task, example, field(own, example) or "", True)
        begun, multi = field(prefix, row) or "", multiturn is not False
        if isinstance(field(task["doc_to_text"], row), int):
            requests.append([[written(before + turn(task, row, begun, False, c), template, multi), delimiter + row["text"]] for c in row["choices"]])
            continue
        context = written(before + turn(task, row, begun, False), template, multi)
        kind = task["output_type"]
        requests.append([[context, delimiter + c] for c in row["choices"]] if kind == "multiple_choice"
                        else [[context, field(task["doc_to_target"], row) if kind == "loglikelihood" else ""]])
    return dict(task=task, fewshot=shots, template=template, multiturn=multiturn, system=system, requests=requests)


if __name__ == "__main__":
    with open("chat.json", "w", encoding="utf-8") as file:
        json.dump(dict(rows=ROWS, templates=TEMPLATES, cases=[case(*c) for c in CASES]), file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")
