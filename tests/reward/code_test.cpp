// The code reward: right programs pass, wrong ones and tricks do not.
#include "reward/code.h"

#include <nlohmann/json.hpp>

#include "reward/code_assemble.h"
#include "reward/code_extract.h"
#include "reward/code_tests.h"
#include "reward/sandbox_jail.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

Problem problem_of(const Json& row, const std::string& prompt = "") {
  Problem problem;
  if (!prompt.empty()) problem.messages.push_back({"user", prompt});
  for (const auto& [name, value] : row.items()) problem.columns[name] = value.dump();
  return problem;
}

const CodeReward& code(bool partial = false) {
  static const auto open = [](bool is_partial) {
    CodeOptions options;
    options.seconds = 10;
    options.partial = is_partial;
    auto reward = CodeReward::open(options);
    EXPECT_TRUE(reward) << reward.error().message;
    return std::move(*reward);
  };
  static const auto all = open(false), some = open(true);
  return partial ? *some : *all;
}

Verdict score(const Problem& problem, const std::string& text, bool partial = false) {
  return code(partial).score(problem, {.text = text, .finished = true});
}

const Problem& sum_pairs() {
  static const Problem problem = problem_of(
      {{"tests", {{{"input", "1 2\n"}, {"output", "3\n"}}, {{"input", "5 -5"}, {"output", "0"}}}}});
  return problem;
}

const Problem& add_one() {
  static const Problem problem = problem_of(
      {{"entry_point", "add_one"},
       {"test",
        "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate([3]) == [4]\n"}},
      "def add_one(x):\n    \"\"\"Adds one.\"\"\"\n");
  return problem;
}

const Problem& mbpp() {
  static const Problem problem = problem_of(
      {{"test_list",
        {"assert twice(1) == 2", "assert twice('a') == 'aa'", "assert twice((1,)) == (1, 1)"}}});
  return problem;
}

TEST(CodeExtract, TakesTheLastBlockOfTheLanguage) {
  EXPECT_EQ(extract_code("a\n```python\n1\n```\n```py\n2\n```\n```js\n3\n```", "python").text,
            "2\n");
  EXPECT_EQ(extract_code("```\n1\n```\n```cpp\n2\n```", "python").text, "1\n");
  EXPECT_EQ(extract_code("```C++\n2\n```", "cpp").text, "2\n");
  EXPECT_EQ(extract_code("~~~~ {.python}\n```\n1\n~~~~", "python").text, "```\n1\n");
  EXPECT_EQ(extract_code("```python\n1\n2", "python").text, "1\n2");
  EXPECT_EQ(extract_code("print(1)", "python").text, "print(1)");
  EXPECT_FALSE(extract_code("print(1)", "python").is_fenced);
  for (const char* text : {"", "```", "```\n", "`", "~~~python", "```\n```\n```"}) {
    extract_code(text, "python");
  }
}

TEST(CodeExtract, KnowsTheNamesOfLanguages) {
  EXPECT_EQ(language_name("Python3"), "python");
  EXPECT_EQ(language_name("C++17"), "cpp");
  EXPECT_EQ(language_name("cpp20"), "cpp");
  EXPECT_EQ(language_name("Rust"), "rust");
}

TEST(CodeTests, ReadsTheKnownForms) {
  EXPECT_EQ(read_code_tests(add_one(), "python")->kind, CodeTests::Kind::kCalls);
  EXPECT_EQ(read_code_tests(mbpp(), "python")->asserts.size(), 3u);
  EXPECT_EQ(read_code_tests(sum_pairs(), "cpp")->pairs[1].output, "0");
  const auto apps = read_code_tests(
      problem_of({{"input_output", R"({"inputs": ["1\n", ["a", "b"]], "outputs": ["2\n", "c"]})"}}),
      "python");
  EXPECT_EQ(apps->pairs[1].input, "a\nb\n");
  const auto native =
      read_code_tests(problem_of({{"tests", "}\nint main() {}\n"}, {"language", "cpp"}}), "python");
  EXPECT_EQ(native->kind, CodeTests::Kind::kNativeAsserts);
}

TEST(CodeTests, RefusesWhatItCannotRun) {
  for (const Json& row :
       {Json::object(), Json{{"tests", Json::array()}}, Json{{"tests", {1, 2}}},
        Json{{"tests", nullptr}}, Json{{"tests", {{"inputs", {"1"}}, {"outputs", Json::array()}}}},
        Json{{"tests", {{{"input", "1"}}}}}, Json{{"test_list", {1}}}, Json{{"test", "x"}},
        Json{{"tests", {"assert", {{"input", "1"}, {"output", "1"}}}}},
        Json{{"tests", {"check"}}, {"language", "rust"}}}) {
    EXPECT_FALSE(read_code_tests(problem_of(row), "python")) << row.dump();
  }
}

TEST(CodeAssemble, MacrosEndBeforeTheAsserts) {
  CodeTests tests;
  tests.language = "cpp";
  tests.asserts = {"int main() { assert(f() == 1); }\n"};
  const auto text = native_text(tests, {"#def\\\nine assert(x)\n#define f() 1\n", true}, "k");
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("#undef f\n"), std::string::npos);
  EXPECT_LT(text->find("#undef assert\n"), text->find("#define assert(...)"));
  for (const char* trick : {"bool operator == (A, B);", "asm(\"x\");", "#define a(b) b##b"}) {
    EXPECT_FALSE(native_text(tests, {trick, true}, "k")) << trick;
  }
}

TEST(Code, RefusesWithoutIsolation) {
  CodeOptions options;
  options.sandbox.bwrap = "no-such-bwrap";
  const auto reward = CodeReward::open(options);
  ASSERT_FALSE(reward);
  EXPECT_NE(reward.error().message.find("bubblewrap"), std::string::npos);
}

TEST(Code, ProgramsReadAndWrite) {
  R1_NEED_JAIL();
  const std::string right =
      "<think>```python\nx\n```</think>So:\n```python\nprint(sum(map(int, input().split())))\n```";
  EXPECT_EQ(score(sum_pairs(), right).value, 1);
  EXPECT_EQ(score(sum_pairs(), "```python\nprint(3)\n```").value, 0);
  EXPECT_EQ(score(sum_pairs(), "```python\nprint(3)\n```", true).value, 0.5);
  EXPECT_EQ(score(sum_pairs(), "```python\nprint(\n```").reason,
            "0 of 2 tests; test 0: exit status 1: SyntaxError: '(' was never closed");
  EXPECT_EQ(score(sum_pairs(), "<think>never closed ```python\nprint(3)\n```").value, 0);
  EXPECT_EQ(code().score(sum_pairs(), {.text = right, .finished = false}).reason, "truncated");
}

TEST(Code, NativeProgramsAreCompiled) {
  R1_NEED_JAIL();
  Problem problem = sum_pairs();
  problem.columns["language"] = "\"c\"";
  EXPECT_EQ(score(problem,
                  "```c\n#include <stdio.h>\nint main(){int a,b;scanf(\"%d%d\",&a,&b);"
                  "printf(\"%d\\n\",a+b);}\n```")
                .reason,
            "passes 2 tests");
  EXPECT_NE(score(problem, "int main() { return x; }").reason.find("does not compile"),
            std::string::npos);
}

TEST(Code, ACheckerDecides) {
  R1_NEED_JAIL();
  const Problem problem =
      problem_of({{"tests", {{{"input", "9\n"}, {"output", ""}}}},
                  {"checker",
                   "import sys\nn = int(open(sys.argv[1]).read())\n"
                   "a, b = map(int, open(sys.argv[2]).read().split())\nsys.exit(a + b != n)\n"}});
  EXPECT_EQ(score(problem, "print(4, 5)").value, 1);
  EXPECT_EQ(score(problem, "print(2, 5)").value, 0);
  EXPECT_EQ(score(problem, "print('x')").value, 0);
}

TEST(Code, AssertsCallFunctions) {
  R1_NEED_JAIL();
  const std::string body = "    return [x[0] + 1] if isinstance(x, list) else x + 1\n";
  EXPECT_EQ(score(add_one(), body).value, 1) << score(add_one(), body).reason;
  EXPECT_EQ(score(add_one(), "```python\ndef add_one(x):\n" + body + "```").value, 1);
  EXPECT_EQ(score(add_one(), "    return x + 2\n").value, 0);
  EXPECT_EQ(score(mbpp(), "def twice(x):\n    return x * 2").reason, "passes 3 tests");
  EXPECT_NEAR(score(mbpp(), "def twice(x):\n    return 2 * x if x else 1 / 0", true).value, 1, 0);
  EXPECT_NEAR(score(mbpp(), "def twice(x):\n    return x + x if x != 1 else 0", true).value, 2. / 3,
              1e-9);
  EXPECT_EQ(score(mbpp(), "def thrice(x): pass").value, 0);
}

TEST(Code, ObjectsOfTheCandidateCanBeUsedByTests) {
  R1_NEED_JAIL();
  const Problem problem =
      problem_of({{"test_setup_code", "root = Node(1)\nroot.left = Node(2)"},
                  {"test_list",
                   {"assert depth(root) == 2", "assert list(walk(root)) == [1, 2]",
                    "assert apply(lambda x: x + 1, 3) == 4"}}});
  const std::string text =
      "class Node:\n    def __init__(self, v):\n        self.v, self.left = v, None\n"
      "def depth(n):\n    return 1 + depth(n.left) if n else 0\n"
      "def walk(n):\n    while n:\n        yield n.v\n        n = n.left\n"
      "def apply(f, x):\n    return f(x)\n";
  EXPECT_EQ(score(problem, text).reason, "passes 3 tests");
}

// What has been tried on graders elsewhere: none of these computes anything.
const char* const kTricks[] = {
    "import sys; sys.exit(0)",
    "import os; os._exit(0)",
    "raise SystemExit",
    "quit()",
    "def twice(x):\n    import os; os._exit(0)",
    "def twice(x):\n    raise SystemExit(0)",
    "def twice(x):\n    raise AssertionError",
    "import atexit\natexit.register(lambda: print('ok'))\ndef twice(x): pass",
    "class A:\n    def __eq__(self, other): return True\n    def __ne__(self, other): return "
    "False\n"
    "    def __bool__(self): return True\ndef twice(x): return A()",
    "class A(int):\n    def __eq__(self, other): return True\ndef twice(x): return A(7)",
    "class A(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\n"
    "def twice(x): return A('z')",
    "class A(list):\n    def __eq__(self, other): return True\ndef twice(x): return A([7])",
    "class A(type):\n    def __eq__(self, other): return True\nclass B(metaclass=A): pass\n"
    "def twice(x): return B",
    "from unittest.mock import ANY\ndef twice(x): return ANY",
    "import builtins\nbuiltins.AssertionError = None\ndef twice(x): return 7",
    "import builtins\nbuiltins.compile = lambda *a: None\nbuiltins.exec = lambda *a: None\n"
    "def twice(x): return 7",
    "import sys\nsys.settrace(lambda *a: None)\nsys.modules['__main__'].judge = lambda p: None\n"
    "def twice(x): return 7",
    "import sys\ndef twice(x):\n    f = sys._getframe()\n    while f:\n"
    "        for v in list(f.f_locals.values()) + list(f.f_globals.values()):\n"
    "            print(v)\n        f = f.f_back\n    return 7",
    "import gc\ndef twice(x):\n    for o in gc.get_objects():\n"
    "        if isinstance(o, str) and 'assert' in o: print(o)\n    return 7",
    "import os\nfor fd in range(64):\n    try: os.write(fd, b'0 ok\\n1 ok\\n2 ok\\n')\n"
    "    except OSError: pass\ndef twice(x): return 7",
    "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
    "import os, signal\ndef twice(x):\n    os.kill(os.getppid(), signal.SIGTERM)\n    return 7",
    "import glob, os\ndef twice(x):\n    for p in glob.glob('/proc/*/mem'): open(p, 'r+b')\n    "
    "return 7",
    "def twice(x):\n    return open('/dev/stdin').read()",
    "import os\ndef twice(x):\n    return os.read(0, 4096)",
    "import sys, posix\ndef twice(x):\n    peer = sys._getframe(3).f_locals.get('self')\n"
    "    peer.send(('value', 2)); peer.send(('value', 'aa'))\n    return 7",
    "print('0 ok\\n1 ok\\n2 ok')\ndef twice(x): return 7",
    "def twice(x):\n    while True: pass",
    "def twice(x):\n    return twice(x)",
    "def twice(x):\n    return 'a' * 10**10",
    "def twice(x):\n    a = []\n    a.append(a)\n    return a",
    "twice = True",
    "",
};

TEST(Code, TricksDoNotPassAsserts) {
  R1_NEED_JAIL();
  CodeOptions options;
  options.seconds = 2;
  options.partial = true;  // not even a share
  const auto reward = CodeReward::open(options);
  ASSERT_TRUE(reward);
  std::vector<std::string> texts;
  for (const char* trick : kTricks) texts.push_back("```python\n" + std::string(trick) + "\n```");
  std::vector<Ask> asks;
  for (const std::string& text : texts) asks.push_back({&mbpp(), {.text = text, .finished = true}});
  ThreadPool pool(1);
  const auto verdicts = (*reward)->score_all(asks, pool);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    EXPECT_TRUE(verdicts[i].valid) << texts[i];
    EXPECT_EQ(verdicts[i].value, 0) << texts[i] << verdicts[i].reason;
  }
}

TEST(Code, TricksDoNotPassNativeAsserts) {
  R1_NEED_JAIL();
  const Problem problem = problem_of(
      {{"language", "cpp"},
       {"tests", "}\nint main() {\n  auto candidate = f;\n  assert(candidate(1) == (2));\n}\n"}},
      "#include <assert.h>\n#include <stdlib.h>\n#include <unistd.h>\nint f(int x) {\n");
  EXPECT_EQ(score(problem, "  return x + 1;\n").reason, "passes its asserts");
  EXPECT_EQ(score(problem, "```cpp\nint f(int x) { return x + 1; }\n```").value, 1);
  for (const char* trick :
       {"  exit(0);\n", "  _exit(0);\n", "  return 3;\n",
        "  return 1; }\n#define assert(x)\nint g() {\n",
        "  return 1; }\n#define main other\nint main() { return 0; }\nint g() {\n",
        "  write(1, \"0 ok\\n\", 5); exit(0);\n"}) {
    const Verdict verdict = score(problem, trick);
    EXPECT_TRUE(verdict.valid && verdict.value == 0) << trick << verdict.reason;
  }
}

TEST(Code, OtherLanguagesComeByConfig) {
  R1_NEED_JAIL();
  CodeOptions options;
  options.seconds = 10;
  options.languages = {"sh|main.sh||/usr/bin/sh {in}",
                       "upper|a.txt|tr a-z A-Z < {in} > {out}|/usr/bin/cat {out}"};
  const auto reward = CodeReward::open(options);
  ASSERT_TRUE(reward) << reward.error().message;
  Problem problem =
      problem_of({{"tests", {{{"input", ""}, {"output", "ABC"}}}}, {"language", "sh"}});
  EXPECT_EQ((*reward)->judge_program(problem, "echo ABC").value, 1);
  problem.columns["language"] = "\"upper\"";
  EXPECT_EQ((*reward)->judge_program(problem, "abc").value, 1);
  problem.columns["language"] = "\"cobol\"";
  EXPECT_FALSE((*reward)->judge_program(problem, "abc").valid);
  options.languages = {"sh|main.sh"};
  EXPECT_FALSE(CodeReward::open(options));
}

}  // namespace
}  // namespace r1
