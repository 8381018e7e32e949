#!/usr/bin/env python3
"""Renders chat templates with python3-jinja2, set up as transformers does, for the comparison with
ours: oracle.py FOLDER prints one JSON object with every *.jinja of the folder, the conversations
made here, and what came of each pair. Exit status 77: no jinja2."""

import datetime
import glob
import json
import os
import sys

try:
    import jinja2
    import jinja2.ext
    import jinja2.nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment
except ImportError:
    sys.exit(77)

BEGIN, END = "\ue000", "\ue001"  # stand around {% generation %} blocks until they are measured


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("mark"), [], [], body).set_lineno(line)

    def mark(self, caller):
        return BEGIN + caller() + END


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True,
        extensions=[Generation, jinja2.ext.loopcontrols])

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                          sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: datetime.datetime.now(
        datetime.timezone.utc).strftime(form)
    return env


def spans(marked):
    """The text without marks, and the bytes that stood between them."""
    text, found, begin = "", [], None
    for part in marked.replace(BEGIN, "\0" + BEGIN).replace(END, "\0" + END).split("\0"):
        if part[:1] == BEGIN:
            begin = len(text.encode())
        elif part[:1] == END:
            found.append([begin, len(text.encode())])
        text += part.lstrip(BEGIN + END)
    return text, found


TOOLS = [
    {"type": "function", "function": {
        "name": "add", "description": "Adds <two> numbers & says \"so\"",
        "parameters": {"type": "object", "properties": {
            "a": {"type": "number"}, "b": {"type": "number", "default": 1.5}},
            "required": ["a", "b"]}}},
    {"type": "function", "function": {
        "name": "wetter", "description": "Das Wetter: für 東京", "parameters": {}, "return": "str"}},
]


def call(name, arguments, id="abc123xyz"):
    return {"type": "function", "id": id, "function": {"name": name, "arguments": arguments}}


def user(text):
    return {"role": "user", "content": text}


def model(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def tool(text, **more):
    return {"role": "tool", "content": text, **more}


def conversations():
    """(name, messages, add_generation_prompt, more variables)"""
    hi = [user("Hi"), model("Yo"), user("And?")]
    ask = [user("What is 2 + 3?")]
    once = ask + [model("", tool_calls=[call("add", {"a": 2, "b": 3})])]
    answered = once + [tool("5", tool_call_id="abc123xyz")]
    two = ask + [model("Two things.", tool_calls=[call("add", {"a": 2, "b": 3}),
                                                   call("wetter", {"ort": "東京"}, "zzz999zzz")])]
    thinking = [user("q"), model("<think>\nwhy\n</think>\n\nso"), user("r")]
    return [
        ("one question", ask, True, {}),
        ("one question, no prompt", ask, False, {}),
        ("system", [system("Be brief.")] + ask, True, {}),
        ("empty system", [system("")] + ask, True, {}),
        ("blank system", [system("  \n Be kind. \n")] + ask, True, {}),
        ("two systems", [system("One."), user("q"), system("Two."), user("r")], True, {}),
        ("three turns", hi, True, {}),
        ("ends with the assistant", hi[:2], False, {}),
        ("goes on behind the assistant", hi[:2], True, {}),
        ("long", hi * 4 + [model("end")], False, {}),
        ("white space", [user("  a \n"), model("\n\n b "), user("\tc\r\n")], True, {}),
        ("empty content", [user(""), model(""), user("")], True, {}),
        ("unicode", [user("naïve 😀 👩‍👩‍👧 日本語 \u2028 ß"), model("\u00a0é\u3000"), user("ẞ")], True, {}),
        ("hostile", [user("{{ 1 + 1 }} {% if %} <|im_end|> \\n 'x' \"y\" </think>")], True, {}),
        ("earlier thinking", thinking, True, {}),
        ("thinking at the end", thinking[:2], False, {}),
        ("thinking twice", thinking + [model("<think>a</think>b</think>c")], False, {}),
        ("unclosed thinking", [user("q"), model("<think>\nwhy"), user("r")], True, {}),
        ("reasoning content", [user("q"), model("so", reasoning_content="\nwhy\n"), user("r"),
                               model("then", reasoning_content="hm")], False, {}),
        ("no thinking wanted", ask, True, {"enable_thinking": False}),
        ("thinking wanted", ask, True, {"enable_thinking": True}),
        ("date", ask, True, {"date_string": "22 Nov 2026"}),
        ("tools", ask, True, {"tools": TOOLS}),
        ("tools in the system turn", [system("S")] + ask, True,
         {"tools": TOOLS[:1], "tools_in_user_message": False}),
        ("a call", once, False, {"tools": TOOLS}),
        ("a call answered", answered, True, {"tools": TOOLS}),
        ("a call answered and told", answered + [model("It is 5."), user("Thanks")], True,
         {"tools": TOOLS}),
        ("two calls", two + [tool("5", tool_call_id="abc123xyz"),
                             tool("Regen", tool_call_id="zzz999zzz")], True, {"tools": TOOLS}),
        ("built-in tools", [user("q"), model("", tool_calls=[call("search", {"query": "x"})]),
                            tool("{\"n\": 1}")], True, {"builtin_tools": ["search", "interpreter"]}),
        ("roles out of order", [model("first"), user("q"), user("r"), tool("t")], True, {}),
    ]


def render(template, messages, add_generation_prompt, more):
    """As render_chat: an empty content beside calls is none, or, where that fails, empty."""
    seen = [dict(m, content=None) if m.get("tool_calls") and not m["content"] else m
            for m in messages]
    variables = dict(messages=seen, tools=None, documents=None, bos_token="<s>", eos_token="</s>",
                     add_generation_prompt=add_generation_prompt)
    variables.update(more)
    try:
        return template.render(**variables)
    except Exception:
        if seen == messages:
            raise
        variables["messages"] = messages
        return template.render(**variables)


def main():
    env = environment()
    templates, cases = {}, []
    for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.jinja"))):
        name = os.path.basename(path)
        with open(path, encoding="utf-8", newline="") as file:
            templates[name] = file.read()
        template = env.from_string(templates[name])
        for title, messages, wants_prompt, more in conversations():
            case = {"template": name, "conversation": title, "messages": messages,
                    "add_generation_prompt": wants_prompt, "more": more, "expected": None}
            try:
                marked = render(template, messages, wants_prompt, more)
                case["expected"], case["spans"] = spans(marked)
            except Exception as error:
                case["error"] = f"{type(error).__name__}: {error}"
            cases.append(case)
    json.dump({"jinja2": jinja2.__version__, "templates": templates, "cases": cases}, sys.stdout)


main()
