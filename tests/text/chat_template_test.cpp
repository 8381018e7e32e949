#include "text/chat_template.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

std::string render(const std::string& source, const std::string& extra = "{}") {
  const auto text =
      render_chat(source, {{"user", "Hi"}, {"assistant", "Yo"}}, true, "<s>", "</s>", extra);
  return text ? *text : "ERROR " + text.error().message;
}

bool fails_with(const std::string& source, const std::string& part) {
  const std::string text = render(source);
  const bool as_wanted = text.starts_with("ERROR") && text.find(part) != std::string::npos;
  if (!as_wanted) ADD_FAILURE() << source.substr(0, 200) << " gave " << text.substr(0, 300);
  return as_wanted;
}

TEST(Jinja, TrimsWhiteSpaceAsJinjaDoes) {
  EXPECT_EQ(render("a\n  {% if true %}\nb\n  {% endif %}\nc\n"), "a\nb\nc");
  EXPECT_EQ(render("a  {%- if true -%}  b  {%- endif -%}  c"), "abc");
  EXPECT_EQ(render("a {{- 1 -}} b"), "a1b");
  EXPECT_EQ(render("a\n {{ 1 }}\nb"), "a\n 1\nb");
  EXPECT_EQ(render("x {% if true %}y{% endif %}"), "x y");
  EXPECT_EQ(render("a\n  {%+ if true %}b{% endif +%}\nc"), "a\n  b\nc");
  EXPECT_EQ(render("a{# note #}\nb"), "ab");
  EXPECT_EQ(render("a\r\nb\n\n"), "a\nb\n");
}

TEST(Jinja, Expressions) {
  EXPECT_EQ(
      render("{{ 1 + 2 * 3 - 4 }} {{ 7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2.0 }} {{ 'a' ~ 1 }}"),
      "3 3 2 3.5 2.0 a1");
  EXPECT_EQ(
      render(
          "{{ 1 == 1.0 }} {{ 'a' != 'b' }} {{ 2 >= 3 }} {{ 'a' in 'cat' }} {{ 3 not in [1, 2] }}"),
      "True True False True True");
  EXPECT_EQ(render("{{ not false and (none or 'x') }} {{ 'y' if 0 else 'n' }} {{ 'y' if 0 }}"),
            "x n ");
  EXPECT_EQ(render("{{ [1, 2, 3][-1] }} {{ [1, 2, 3][1:] }} {{ [1, 2, 3][::-1] }} {{ 'añb'[:2] }}"),
            "3 [2, 3] [3, 2, 1] añ");
  EXPECT_EQ(render("{{ {'a': 1, 'b': [none, true, 'it\\'s']} }}"),
            "{'a': 1, 'b': [None, True, \"it's\"]}");
  EXPECT_EQ(render("{{ {'a': {'b': 5}}.a['b'] }} {{ 'x' 'y' }} {{ \"\\u00e9\\n\" }}|"),
            "5 xy é\n|");
  EXPECT_EQ(
      render("{{ messages[0].content }} {{ messages[-1]['role'] }} {{ messages[5] is defined }}"),
      "Hi assistant False");
}

TEST(Jinja, StatementsAndLoops) {
  EXPECT_EQ(render("{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ m.role[0] }}"
                   "{{ ',' if not loop.last }}{% endfor %}"),
            "10u,21a");
  EXPECT_EQ(
      render("{% for i in range(9) if i % 2 %}{% if i == 7 %}{% break %}{% endif %}{% if i == 3 %}"
             "{% continue %}{% endif %}{{ i }}{% endfor %}"),
      "15");
  EXPECT_EQ(render("{% for i in [] %}x{% else %}none{% endfor %}"), "none");
  EXPECT_EQ(render("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}"), "a1b2");
  EXPECT_EQ(render("{% for k, v in {'a': 1}|items %}{{ k }}{{ v }}{{ loop.previtem is defined }}{% "
                   "endfor %}"),
            "a1False");
  EXPECT_EQ(render("{% if 0 %}a{% elif '' %}b{% elif 1 %}c{% else %}d{% endif %}"), "c");
  EXPECT_EQ(render("{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set t %}<{{ a }}>{% endset %}{{ t }}"),
            "12<1>");
}

TEST(Jinja, SetInsideALoopStaysThereAndNamespacesDoNot) {
  EXPECT_EQ(
      render("{% set x = 1 %}{% for i in [1, 2] %}{% set x = i + 5 %}{{ x }}{% endfor %}{{ x }}"),
      "671");
  EXPECT_EQ(render("{% set ns = namespace(x=1) %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}"
                   "{% endfor %}{{ ns.x }}"),
            "4");
}

TEST(Jinja, Macros) {
  EXPECT_EQ(
      render("{% macro f(a, b='d') %}[{{ a }}{{ b }}]{% endmacro %}{{ f(1) }}{{ f(1, b=2) }}"),
      "[1d][12]");
  EXPECT_EQ(
      render(
          "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}"),
      "3210");
  EXPECT_EQ(
      render(
          "{% macro f() %}{{ y is defined }}{% endmacro %}{% for y in [1] %}{{ f() }}{% endfor %}"),
      "False");
}

TEST(Jinja, FiltersAndTests) {
  EXPECT_EQ(
      render("{{ ' a '|trim }}|{{ [1, 2]|join('-') }}|{{ 'añ'|length }}|{{ nope|default('d') }}|"
             "{{ ''|default('e', true) }}|{{ 'aBc'|upper }}|{{ 'ab cd'|title }}|{{ "
             "'abab'|replace('a', 'x') }}"),
      "a|1-2|2|d|e|ABC|Ab Cd|xbxb");
  EXPECT_EQ(
      render("{{ messages|map(attribute='role')|join(',') }}|{{ messages|selectattr('role', "
             "'equalto', 'user')"
             "|list|length }}|{{ [1, '', 2]|reject('string')|list }}|{{ [1, 2]|first }}{{ [1, "
             "2]|last }}|"
             "{{ ['a', 'b']|map('upper')|list }}|{{ messages|rejectattr('name')|list|length }}"),
      "user,assistant|1|[1, 2]|12|['A', 'B']|2");
  EXPECT_EQ(render("{{ x is defined }}{{ none is none }}{{ 'a' is string }}{{ {} is mapping }}{{ "
                   "[] is iterable }}"
                   "{{ 1 is number }}{{ true is true }}{{ 1 is not false }}{{ 3 is odd }}"),
            "FalseTrueTrueTrueTrueTrueTrueTrueTrue");
}

TEST(Jinja, StringAndDictMethods) {
  EXPECT_EQ(
      render(
          "{{ 'a</think>b'.split('</think>')[-1] }}|{{ ' x '.strip() }}|{{ 'xxaxx'.lstrip('x') }}|"
          "{{ 'aé'.rstrip('é') }}|{{ 'abc'.startswith('ab') }}|{{ 'abc'.endswith(('x', 'c')) }}|"
          "{{ 'a b  c'.split() }}|{{ 'a,b,c'.split(',', 1) }}|{{ 'hello world'.title() }}"),
      "b|x|axx|a|True|True|['a', 'b', 'c']|['a', 'b,c']|Hello World");
  EXPECT_EQ(render("{{ {'a': 1}.get('a') }}{{ {'a': 1}.get('b', 2) }}{{ {'a': 1}.get('b') }}{{ "
                   "{'a': 1}.keys()|list }}"),
            "12None['a']");
}

TEST(Jinja, ToJsonKeepsOrderAndCharacters) {
  const std::string extra =
      R"({"v": {"z": 1, "a": ["é<&>", null, true, 1.5, 1e-7, "\n\u0001"], "e": {}}})";
  EXPECT_EQ(render("{{ v|tojson }}", extra),
            R"({"z": 1, "a": ["é<&>", null, true, 1.5, 1e-07, "\n\u0001"], "e": {}})");
  EXPECT_EQ(render("{{ {'a': [1, 2], 'b': []}|tojson(indent=2) }}"),
            "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": []\n}");
}

TEST(Jinja, UndefinedPrintsNothingButHasNoMembers) {
  EXPECT_EQ(render("[{{ nope }}{% for x in nope %}x{% endfor %}{{ nope|length }}]"), "[0]");
  EXPECT_TRUE(fails_with("a\n\n{{ nope.member }}", "line 3: \"nope\" is undefined"));
  EXPECT_TRUE(fails_with("{{ 'a' + nope }}", "\"nope\", which is undefined"));
}

TEST(Jinja, RaiseExceptionAndErrorsNameTheLine) {
  EXPECT_TRUE(fails_with("\n{{ raise_exception('roles must alternate') }}",
                         "line 2: the template refuses: roles"));
  EXPECT_TRUE(fails_with("{{ 1|frobnicate }}", "filter \"frobnicate\""));
  EXPECT_TRUE(fails_with("{{ 1 is frobnicated }}", "test \"frobnicated\""));
  EXPECT_TRUE(fails_with("\n\n{% frobnicate %}", "line 3: statement \"frobnicate\""));
  EXPECT_TRUE(fails_with("{% if 1 %}", "endif"));
  EXPECT_TRUE(fails_with("{% endif %}", "endif"));
  EXPECT_TRUE(fails_with("{{ 'abc }}", "never closed"));
  EXPECT_TRUE(fails_with("{{ 1 / 0 }}", "division by zero"));
  EXPECT_TRUE(fails_with("{{ 9223372036854775807 + 1 }}", "too large"));
  EXPECT_EQ(render("{{ strftime_now('%Y')|length }}"), "4");
  EXPECT_TRUE(fails_with("{{ frobnicate() }}", "function \"frobnicate\""));
}

TEST(Jinja, HostileTemplatesAreStopped) {
  EXPECT_TRUE(
      fails_with("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                 "more than"));
  EXPECT_TRUE(fails_with("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "too deeply"));
  EXPECT_TRUE(fails_with(
      "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}"
      "{% endfor %}",
      "more than"));
  EXPECT_TRUE(fails_with(
      "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] %}"
      "{% endfor %}{{ ns.s }}",
      "too large"));
  EXPECT_TRUE(
      fails_with("{% set ns = namespace(s=[]) %}{% for i in range(9999) %}{% set ns.s = [ns.s] %}"
                 "{% endfor %}",
                 "too deeply"));
  EXPECT_TRUE(fails_with("{{ range(999999999) }}", "range is longer"));
  EXPECT_TRUE(fails_with("{{ " + std::string(5000, '(') + "1" + std::string(5000, ')') + " }}",
                         "too deeply"));
  EXPECT_TRUE(fails_with("{{ " + std::string(5000, '-') + "1 }}", "too deeply"));
  std::string chain = "{{ 1";
  for (int i = 0; i < 5000; ++i) chain += "+1";
  EXPECT_TRUE(fails_with(chain + " }}", "too long"));
  std::string nest;
  for (int i = 0; i < 5000; ++i) nest += "{% if 1 %}";
  EXPECT_TRUE(fails_with(nest, "too deeply"));
  EXPECT_EQ(render("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns.me.me is defined }}"),
            "True");
}

const char* kChatMl =
    "{%- for message in messages %}\n"
    "    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "    {{- '<|im_start|>assistant\\n' }}\n"
    "{%- endif %}\n";

TEST(ChatTemplate, ChatMl) {
  EXPECT_EQ(render(kChatMl),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n<|im_start|>"
            "assistant\n");
}

// The shape of the R1 template: BOS, system text, tags, thinking of earlier turns removed.
const char* kR1Like =
    "{% set ns = namespace(system='') %}{%- for m in messages %}{%- if m['role'] == 'system' %}"
    "{% set ns.system = m['content'] %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system }}"
    "{%- for m in messages %}{%- if m['role'] == 'user' %}{{ '<U>' + m['content'] }}{%- endif %}"
    "{%- if m['role'] == 'assistant' and m['content'] is not none %}{% set content = m['content'] "
    "%}"
    "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{ '<A>' + content + eos_token }}{%- endif %}{%- endfor %}"
    "{% if add_generation_prompt %}{{ '<A><think>\\n' }}{% endif %}";

TEST(ChatTemplate, R1RemovesEarlierThinking) {
  const auto text = render_chat(
      kR1Like, {{"system", "S"}, {"user", "q"}, {"assistant", "<think>t</think>a"}, {"user", "r"}},
      true, "<s>", "</s>");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, "<s>S<U>q<A>a</s><U>r<A><think>\n");
}

TEST(ChatTemplate, ToolCallsAndExtraVariables) {
  const std::string source =
      "{% if tools %}{{ tools|tojson }}{% endif %}{% for m in messages %}{% if m.tool_calls %}"
      "{{ m.content is none }}{% for c in m.tool_calls %}{{ c.function.name }}{{ "
      "c.function.arguments|tojson }}"
      "{% endfor %}{% endif %}{% endfor %}{{ enable_thinking }}{{ tools is none }}";
  Message call{"assistant", ""};
  call.tool_calls_json = R"([{"function": {"name": "f", "arguments": {"b": 1, "a": 2}}}])";
  const auto text = render_chat(source, {call}, false, "", "", R"({"enable_thinking": false})");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, R"(Truef{"b": 1, "a": 2}FalseTrue)");
  call.tool_calls_json = "{";
  EXPECT_FALSE(render_chat(source, {call}, false, "", ""));
  EXPECT_FALSE(render_chat(source, {}, false, "", "", "[1]"));
  EXPECT_FALSE(render_chat("", {}, false, "", ""));
}

std::vector<std::string> spans_of(const std::string& source, const std::vector<Message>& messages) {
  const auto chat = render_chat_spans(source, messages, "<s>", "</s>");
  if (!chat) return {"ERROR " + chat.error().message};
  std::vector<std::string> parts;
  for (auto [begin, end] : chat->assistant) parts.push_back(chat->text.substr(begin, end - begin));
  return parts;
}

TEST(ChatTemplate, AssistantSpansByPrefixRendering) {
  const std::vector<Message> two = {
      {"user", "Hi"}, {"assistant", "Yo"}, {"user", "x"}, {"assistant", "z"}};
  EXPECT_EQ(spans_of(kChatMl, two), (std::vector<std::string>{"Yo<|im_end|>\n", "z<|im_end|>\n"}));
  // The generation prompt of R1 ends with a <think> that the turn itself does not repeat.
  EXPECT_EQ(spans_of(kR1Like, two), (std::vector<std::string>{"Yo</s>", "z</s>"}));
}

TEST(ChatTemplate, AssistantSpansByGenerationBlocks) {
  const std::string source =
      "{% for m in messages %}{% if m.role == 'user' %}U:{{ m.content }}\n{% else %}A:{% "
      "generation %}"
      "{{ m.content }}{{ eos_token }}{% endgeneration %}\n{% endif %}{% endfor %}";
  EXPECT_EQ(
      spans_of(source, {{"user", "Hi"}, {"assistant", "Yo"}, {"user", "x"}, {"assistant", "z"}}),
      (std::vector<std::string>{"Yo</s>", "z</s>"}));
}

TEST(ChatTemplate, LastTurnThatCannotBeFoundIsAnError) {
  const std::string source =
      "{{ messages|length }}{% for m in messages %}{{ m.content }}{% endfor %}";
  const auto parts = spans_of(source, {{"user", "Hi"}, {"assistant", "Yo"}});
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_NE(parts[0].find("generation"), std::string::npos);
}

TEST(ChatTemplate, DamagedTemplatesNeverCrash) {
  uint64_t state = 3;
  const auto next = [&](uint64_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
  };
  const std::string originals[] = {kChatMl, kR1Like};
  const std::string signs = "{}%#-+'\"()[]|.:,=~ ifor\n";
  for (int round = 0; round < 3000; ++round) {
    std::string source = originals[round % 2];
    for (uint64_t n = 1 + next(4); n > 0; --n) {
      const size_t at = next(source.size());
      if (next(3) == 0)
        source.erase(at, 1 + next(10));
      else if (next(2) == 0)
        source[at] = signs[next(signs.size())];
      else
        source.insert(at, source.substr(next(source.size()), next(30)));
    }
    render(source);
  }
}

}  // namespace
}  // namespace r1
