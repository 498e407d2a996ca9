"""What Jinja2 itself makes of templates: for tasks with the harness's settings, for chats with the transformers library's.

Run without arguments in this folder; it writes golden.json. Needs Python 3 with the package jinja2 (3.1).
"""
import json
import re

from jinja2 import BaseLoader, Environment, StrictUndefined
from jinja2.ext import loopcontrols

DOC = {
    "question": "  Who wrote it?\n", "label": 2, "choices": ["red", "it's \"so\"", "größer\n"], "answer": "B", "score": 0.1, "big": 1e22,
    "endings": ["he [title] goes  [x] on.", " she stays"], "nested": {"text": ["a", "b"], "label": ["1", "2"]}, "flag": True, "none": None,
    "page": "= Title = \n A @-@ B , c . ( d ) 's", "rows": [{"k": "x", "v": 3}, {"k": "y", "v": 1}, {"k": "z", "v": 2}], "empty": [],
}
MESSAGES = [
    {"role": "system", "content": " Be kind. "}, {"role": "user", "content": "Hi!\n"}, {"role": "assistant", "content": "Hello. "},
    {"role": "user", "content": "Ünïcode \U0001f600?"},
]
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"a": [1, 2.5, None, True], "q": "\"\\\n"}}}]

TASKS = [
    "Q: {{question.strip()}}\nA:", "{{choices[label]}}|{{choices[-1]}}|{{choices[0:2]}}|{{question[::-1]}}", "{{choices}} {{nested}} {{flag}} {{none}} {{score}} {{big}}",
    "{% for c in choices %}{{loop.index}}/{{loop.length}}{% if loop.first %}*{% elif loop.last %}${% else %}-{% endif %}{{c}}{{', ' if not loop.last}}{% endfor %}\n",
    "{% set a = 'x' %}{% for i in range(3) %}{% set a = a ~ i %}{{a}}{% endfor %}{{a}}", "{% set ns = namespace(n=0) %}{% for r in rows %}{% set ns.n = ns.n + r.v %}{% endfor %}{{ns.n}}",
    "{{nested.label.index('2')}} {{['A','B','C'].index(answer)}} {{ {'A': 0, 'B': 1}[answer] }} {{nested['text'] | join('; ')}}",
    "{{ endings | map('trim') | map('replace', ' [title]', '. ') | map('regex_replace', '\\\\[.*?\\\\]', '') | map('replace', '  ', ' ') | list }}",
    "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 5 }} {{ 1 + 2 * 3 }} {{ 1.5 + 1 }} {{ '%' }} {{ 'a' * 3 }} {{ [1] + [2] }} {{ -2 ** 2 }} {{ 10 / 5 }}",
    "{{ 'a' in 'abc' }} {{ 4 not in [1, 4] }} {{ 1 < 2 < 3 }} {{ 1 == 1.0 }} {{ not flag or none }} {{ label == 2 and 'yes' or 'no' }} {{ '1' == 1 }}",
    "{{ missing is defined }} {{ missing | default('d') }} {{ none is none }} {{ label is number }} {{ label is even }} {{ rows is iterable }} {{ answer is in ['B'] }} {{ 3 is divisibleby 3 }}",
    "{{ rows | selectattr('v', 'gt', 1) | map(attribute='k') | join(',') }} {{ rows | sort(attribute='v') | map(attribute='k') | list }} {{ rows | rejectattr('k', 'equalto', 'x') | list | length }}",
    "{{ rows | map(attribute='v') | sum }} {{ rows | map(attribute='v') | max }} {{ [3, 1, 2] | sort(reverse=true) }} {{ ['b', 'A'] | sort }} {{ [1, 1, 2] | unique | list }} {{ 'abc' | reverse }} {{ ['a', 'b'] | last }}",
    "{{ 'hello world' | title }} {{ 'HELLO' | capitalize }} {{ ' x ' | trim }}| {{ 'a,b' | replace(',', ';') }} {{ '3.7' | float }} {{ '12' | int + 1 }} {{ 'z' | int }} {{ 3.14159 | round(2) }} {{ 5 | string ~ 'x' }} {{ 2.5 | int }}",
    "{{ 'a b  c'.split() }} {{ 'a-b-c'.split('-', 1) }} {{ 'a-b-c'.rsplit('-', 1)[0] }} {{ 'x'.upper() }} {{ 'Hello There'.lower().capitalize() }} {{ 'abc'.startswith('ab') }} {{ 'abcabc'.replace('b', '') }} {{ '..a.'.strip('.') }}",
    "{# comment #}a{{- ' b ' -}}  c {%- if true %} d {%- endif %} e\n\n{% raw %}{{ x }}{% endraw %}", "{% for k, v in nested.items() %}{{k}}={{v[0]}};{% endfor %}{% for x in empty %}x{% else %}none{% endfor %}",
    "{% macro pair(a, b='z') %}<{{a}}|{{b}}>{% endmacro %}{{ pair('x') }}{{ pair('x', b='y') }}", "{% set t %}a{{label}} {% endset %}[{{t | trim}}] {% with q = 5 %}{{q}}{% endwith %}",
    "{{ choices | length }} {{ 'größer' | length }} {{ 'größer'[2] }} {{ '\\u00e9\\n\\x41\\t|' }} {{ 'a' 'b' }} {{ (1, 2) | list }} {{ {'a': 1, 'b': [2]} }}",
    "{% for r in rows if r.v > 1 %}{{r.k}}{{loop.index0}}{{loop.revindex}}{% endfor %} {{ rows[0].k }}{{ rows[-1]['v'] }}", "{{ [question, answer] }}", "{{answer|int - 1 if answer|int else 'n/a'}}",
    "{{ 'x' if label > 5 }}|{{ label if flag else 0 }}|{{ loop is defined }}", "{% if choices %}{{ choices | first }}{% endif %}{{ 1e-7 }} {{ 123456789012345680.0 }} {{ 100.0 }} {{ 0.1 + 0.2 }}",
    "{{page|replace(' @-@ ', '-')|replace(' , ', ', ')|regex_replace('\\\\(\\\\s*([^\\\\)]*?)\\\\s*\\\\)', '(\\\\1)')|replace(\" 's\", \"'s\")}}", "{{ choices | tojson }} trailing\n",
]
CHATS = [
    "{{ bos_token }}{% for m in messages %}\n<|{{ m['role'] }}|>\n{{ m['content'] | trim }}<|end|>\n{% endfor %}\n{% if add_generation_prompt %}\n<|assistant|>\n{% endif %}\n",
    "{%- if messages[0]['role'] == 'system' %}\n    {%- set system = messages[0]['content'] | trim %}\n    {%- set rest = messages[1:] %}\n{%- else %}\n    {%- set system = '' %}\n    {%- set rest = messages %}\n{%- endif %}\n"
    "{{- bos_token }}\n{%- for m in rest %}\n    {%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}\n        {{- raise_exception('roles must alternate') }}\n    {%- endif %}\n    {%- if m['role'] == 'user' %}\n"
    "        {{- '[INST] ' + (system + '\\n\\n' if loop.last and system else '') + m['content'] + ' [/INST]' }}\n    {%- else %}\n        {{- ' ' + m.content + eos_token }}\n    {%- endif %}\n{%- endfor %}\n",
    "{%- if tools %}\n    {{- '<tools>' }}\n    {%- for tool in tools %}\n        {{- '\\n' }}\n        {{- tool | tojson }}\n    {%- endfor %}\n    {{- '</tools>\\n' }}\n{%- endif %}\n{%- set ns = namespace(multi=true, last=messages|length - 1) %}\n"
    "{%- for m in messages[::-1] %}\n    {%- set index = (messages|length - 1) - loop.index0 %}\n    {%- if ns.multi and m.role == 'user' and m.content is string and not (m.content.startswith('<t>') and m.content.endswith('</t>')) %}\n"
    "        {%- set ns.multi = false %}\n        {%- set ns.last = index %}\n    {%- endif %}\n{%- endfor %}\n{%- for m in messages %}\n    {{- '<|im_start|>' + m.role + '\\n' + m.content.split('</think>')[-1].lstrip('\\n') + '<|im_end|>' + '\\n' }}\n{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n    {%- if enable_thinking is defined and enable_thinking is false %}\n        {{- '<think>\\n\\n</think>\\n\\n' }}\n    {%- endif %}\n{%- endif %}{{ ns.last }}",
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{% continue %}{% endif %}{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}{{ '<start_of_turn>' + role + '\\n' + m['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}",
    "    {% if tools is not none %}\n  {{ tools | tojson(indent=4) }}\n    {% endif %}\n{% generation %}x{% endgeneration %}{{ undefined_thing }}|{{ messages | selectattr('role', 'equalto', 'user') | list | length }}\n",
]




def task_environment():
    env = Environment(loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True)
    env.filters["regex_replace"] = lambda string, pattern, repl, count=0: re.sub(pattern, repl, string, count=count)
    return env


def chat_environment():
    def refuse(message):
        raise ValueError(message)
    env = Environment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    env.filters["tojson"] = lambda x, indent=None: json.dumps(x, ensure_ascii=False, indent=indent)
    env.globals["raise_exception"] = refuse
    return env


if __name__ == "__main__":
    tasks, chats = task_environment(), chat_environment()
    tasks.filters["tojson"] = chats.filters["tojson"]
    values = dict(messages=MESSAGES, tools=TOOLS, bos_token="<s>", eos_token="</s>", add_generation_prompt=True, enable_thinking=False)
    plain = [t.replace("{% generation %}", "").replace("{% endgeneration %}", "") for t in CHATS]
    golden = dict(
        doc=DOC, chatValues=values,
        tasks=[dict(template=t, text=tasks.from_string(t).render(**DOC)) for t in TASKS],
        chats=[dict(template=t, text=chats.from_string(p).render(**values)) for t, p in zip(CHATS, plain)])
    with open("golden.json", "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1, ensure_ascii=False)
        file.write("\n")
