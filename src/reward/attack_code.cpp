// Attacks on the code reward: programs that compute nothing and want to pass.
#include <nlohmann/json.hpp>

#include "reward/attack.h"
#include "reward/attack_programs.h"

namespace r1 {
namespace {

using Json = nlohmann::json;
using Columns = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kPrompt =
    "def solve(x):\n    \"\"\"Three times x plus one; of a list, that of each part.\"\"\"\n";

Columns human_eval() {
  return {{"entry_point", Json("solve").dump()},
          {"test", Json("def check(candidate):\n"
                        "    assert candidate(5) == 16\n    assert candidate(-2) == -5\n"
                        "    assert candidate([1, 2]) == [4, 7]\n    assert candidate(0) is not 0\n"
                        "    assert candidate(10**30) == 3 * 10**30 + 1\n")
                       .dump()}};
}

Columns mbpp() {
  return {{"test_list",
           Json({"assert solve(5) == 16", "assert solve(-2) == -5",
                 "assert solve([1, 2]) == [4, 7]", "assert set(solve([0, 0, 3])) == {1, 10}"})
               .dump()}};
}

/// Input: a number n. Output: 3 n + 1, and n backwards.
Columns pairs(const std::string& language) {
  Json tests = Json::array();
  for (const auto& [input, output] : {std::pair("12\n", "37\n21\n"), std::pair("405", "1216\n504"),
                                      std::pair("7001\n", "21004\n1007\n")})
    tests.push_back({{"input", input}, {"output", output}});
  return {{"language", Json(language).dump()}, {"tests", tests.dump()}};
}

/// Input: a number n. Output: any two numbers above 1 with the product n.
Columns checked(const std::string& language) {
  Columns columns = {{"language", Json(language).dump()},
                     {"checker", Json("import sys\n"
                                      "n = int(open(sys.argv[1]).read())\n"
                                      "a, b = map(int, open(sys.argv[2]).read().split())\n"
                                      "sys.exit(0 if a > 1 and b > 1 and a * b == n else 1)\n")
                                     .dump()}};
  Json tests = Json::array();
  for (const char* input : {"91\n", "8633", "10403\n"})
    tests.push_back({{"input", input}, {"output", ""}});
  columns.emplace_back("tests", tests.dump());
  return columns;
}

constexpr const char* kNativePrompt =
    "#include <assert.h>\n#include <stdlib.h>\n#include <string.h>\n";

Columns cpp_asserts() {
  return {{"language", Json("cpp").dump()},
          {"tests", Json("#include <string>\n#include <vector>\n"
                         "int main() {\n  auto candidate = solve;\n"
                         "  assert(candidate(5) == (16));\n  assert(candidate(-2) == (-5));\n"
                         "  assert(reversed(\"abc\") == \"cba\");\n"
                         "  assert(each(std::vector<int>{1, 2}) == (std::vector<int>{4, 7}));\n}\n")
                        .dump()}};
}

Columns c_asserts() {
  return {{"language", Json("c").dump()},
          {"tests", Json("int main() {\n  assert(solve(5) == 16);\n  assert(solve(-2) == -5);\n"
                         "  assert(solve(1000) == 3001);\n}\n")
                        .dump()}};
}

std::string fenced(const std::string& language, const std::string& program) {
  return "<think>so</think>\n```" + language + "\n" + program + "\n```\n";
}

}  // namespace

std::vector<Attack> code_attacks() {
  std::vector<Attack> attacks;
  const auto add = [&](const CodeTrick& trick, const std::string& text, const char* prompt,
                       const Columns& columns) {
    attacks.push_back({trick.family, text, prompt, "", true, false, columns});
  };
  for (const CodeTrick& trick : python_assert_tricks()) {
    add(trick, fenced("python", trick.program), kPrompt, human_eval());
    add(trick, fenced("python", trick.program), "Write solve(x).", mbpp());
  }
  for (const CodeTrick& trick : python_input_tricks()) {
    add(trick, fenced("python", trick.program), "Read n.", pairs("python"));
    add(trick, fenced("python", trick.program), "Read n.", checked("python"));
  }
  for (const CodeTrick& trick : text_tricks()) {
    add(trick, trick.program, "Write solve(x).", mbpp());
    add(trick, trick.program, "Read n.", pairs("python"));
  }
  for (const CodeTrick& trick : c_input_tricks()) {
    add(trick, fenced("c", trick.program), "Read n.", pairs("c"));
    add(trick, fenced("cpp", trick.program), "Read n.", checked("cpp"));
  }
  for (const CodeTrick& trick : c_assert_tricks())
    add(trick, fenced("c", kNativePrompt + std::string(trick.program)), "Write solve.",
        c_asserts());
  for (const CodeTrick& trick : cpp_assert_tricks())
    add(trick, fenced("cpp", kNativePrompt + std::string(trick.program)), "Write solve.",
        cpp_asserts());
  return attacks;
}

}  // namespace r1
