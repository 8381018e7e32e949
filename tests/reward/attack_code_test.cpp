// The attack on the code reward: its problems can be solved, and not by its programs.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "reward/attack.h"
#include "reward/code.h"
#include "reward/registry.h"
#include "reward/sandbox_jail.h"

namespace r1 {
namespace {

constexpr const char* kPythonCalls =
    "def solve(x):\n    return [solve(v) for v in x] if isinstance(x, list) else 3 * x + 1\n";
constexpr const char* kPythonPairs = "n = input().strip()\nprint(3 * int(n) + 1)\nprint(n[::-1])\n";
constexpr const char* kPythonChecked =
    "n = int(input())\na = next(a for a in range(2, n) if n % a == 0)\nprint(a, n // a)\n";
constexpr const char* kCPairs =
    "#include <stdio.h>\n#include <string.h>\nint main() { char s[99]; int n; scanf(\"%s\", s); "
    "sscanf(s, \"%d\", &n); printf(\"%d\\n\", 3 * n + 1); for (int i = strlen(s); i--;) "
    "putchar(s[i]); }\n";
constexpr const char* kCppChecked =
    "#include <iostream>\nint main() { int n, a = 2; std::cin >> n; while (n % a) ++a; std::cout "
    "<< "
    "a << ' ' << n / a; }\n";
constexpr const char* kCAsserts = "int solve(int x) { return 3 * x + 1; }\n";
constexpr const char* kCppAsserts =
    "#include <string>\n#include <vector>\nint solve(int x) { return 3 * x + 1; }\n"
    "std::string reversed(std::string s) { return {s.rbegin(), s.rend()}; }\n"
    "std::vector<int> each(std::vector<int> v) { for (int& x : v) x = solve(x); return v; }\n";

std::string text_column(const Attack& attack, const std::string& name) {
  for (const auto& [column, value] : attack.columns) {
    if (column == name) return value;
  }
  return "";
}

std::string right_program(const Attack& attack) {
  const std::string language = text_column(attack, "language");
  const bool is_checked = !text_column(attack, "checker").empty();
  if (language.empty()) return kPythonCalls;
  if (language == "\"python\"") return is_checked ? kPythonChecked : kPythonPairs;
  const bool is_native = text_column(attack, "tests").find("assert") != std::string::npos;
  if (language == "\"c\"") return is_native ? kCAsserts : kCPairs;
  return is_native ? kCppAsserts : kCppChecked;
}

std::unique_ptr<const CodeReward> open_code(double seconds) {
  CodeOptions options;
  options.seconds = seconds;
  auto reward = CodeReward::open(options, {false, true});
  EXPECT_TRUE(reward) << reward.error().message;
  return std::move(*reward);
}

TEST(CodeAttack, HasHundredsOfPrograms) {
  std::vector<std::string> seen;
  for (const Attack& attack : code_attacks()) {
    std::string all = attack.text;
    for (const auto& [name, value] : attack.columns) all += name + value;
    seen.push_back(all);
  }
  std::sort(seen.begin(), seen.end());
  const auto twice = std::adjacent_find(seen.begin(), seen.end());
  EXPECT_TRUE(twice == seen.end()) << *twice;
  EXPECT_GE(seen.size(), 400u);
}

TEST(CodeAttack, AttacksProblemsThatCanBeSolved) {
  R1_NEED_JAIL();
  const auto reward = open_code(20);
  std::map<std::string, const Attack*> kinds;
  const std::vector<Attack> attacks = code_attacks();
  for (const Attack& attack : attacks) {
    std::string key;
    for (const auto& [name, value] : attack.columns) key += name + value;
    kinds[key] = &attack;
  }
  EXPECT_EQ(kinds.size(), 8u);
  for (const auto& [key, attack] : kinds) {
    const Verdict verdict = reward->judge_program(attack_problem(*attack), right_program(*attack));
    EXPECT_EQ(verdict.value, 1) << key << verdict.reason;
  }
}

TEST(CodeAttack, IsNotAccepted) {
  R1_NEED_JAIL();
  const bool is_full = std::getenv("R1_FULL") != nullptr;
  const auto reward = open_code(2);
  const std::vector<Attack> all = code_attacks();
  std::vector<Attack> attacks;  // R1_FULL=1: every one, for a minute or two
  for (size_t i = 0; i < all.size(); i += is_full ? 1 : 40) attacks.push_back(all[i]);
  std::vector<Problem> problems;
  for (const Attack& attack : attacks) problems.push_back(attack_problem(attack));
  std::vector<Ask> asks;
  for (size_t i = 0; i < attacks.size(); ++i)
    asks.push_back({&problems[i], {attacks[i].text, true}});
  ThreadPool pool(1);
  const auto verdicts = reward->score_all(asks, pool);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    EXPECT_EQ(verdicts[i].value, 0) << attacks[i].text << verdicts[i].reason;
    EXPECT_TRUE(verdicts[i].valid) << attacks[i].text << verdicts[i].reason;
  }
}

}  // namespace
}  // namespace r1
