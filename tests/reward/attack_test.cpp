#include "reward/attack.h"

#include <gtest/gtest.h>

#include "reward/registry.h"

namespace r1 {
namespace {

/// Rules whose attacks need no other program; what runs programs has tests of its own.
std::vector<std::string> rules() {
  std::vector<std::string> names = builtin_rewards();
  std::erase(names, "code");
  return names;
}

TEST(Attack, IsNeverAcceptedInStrictMode) {
  ThreadPool pool(2);
  for (const std::string& name : rules()) {
    const auto report = run_attack(name, {false, true}, pool);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_GE(report->n_tried, 200u) << name;
    for (const auto& p : report->passed)
      ADD_FAILURE() << name << ": " << p.attack.family << ": " << p.attack.text.substr(0, 200)
                    << " is worth " << p.value;
  }
}

TEST(Attack, LeavesHonestCompletionsTheirReward) {
  const std::string text =
      "<think>\nStep 1: the numbers six and seven are multiplied here.\n"
      "Step 2: six sevens are thirty-five and then seven more.\n"
      "Step 3: that makes the final value which was wanted.\n</think>\n<answer>\n42\n</answer>";
  for (const std::string& name : rules()) {
    if (name == "choice" || name == "last_digit_language") continue;  // other texts, other tests
    const auto rewards = make_rewards({name}, {}, {false, true});
    ASSERT_TRUE(rewards) << rewards.error().message;
    Problem problem;
    problem.messages.resize(1);
    problem.messages[0].role = "user";
    problem.messages[0].content = "How much do we get when we multiply the numbers six and seven?";
    problem.answer = "42";
    EXPECT_GE(rewards->score(problem, {text, true}).value, accepted_from(name)) << name;
  }
}

TEST(Attack, FindsALenientReward) {
  ThreadPool pool(2);
  const auto report = run_attack("accuracy", {}, pool);
  ASSERT_TRUE(report);
  EXPECT_GT(report->passed.size(), 10u);  // it takes the last number of any text
  EXPECT_FALSE(run_attack("acuracy", {}, pool));
}

TEST(Attack, HasNoTwoEqualStringsForOneProblem) {
  for (const char* name : {"accuracy", "choice", "format", "language", "repetition", "overlong"}) {
    std::vector<std::string> seen;
    for (const Attack& a : attacks_on(name)) {
      seen.push_back(a.gold + "|" + (a.finished ? "" : "cut") + (a.opens_think ? "open" : "") +
                     "|" + a.text);
    }
    std::sort(seen.begin(), seen.end());
    const size_t different =
        static_cast<size_t>(std::unique(seen.begin(), seen.end()) - seen.begin());
    EXPECT_GE(different, 200u) << name;
  }
}

}  // namespace
}  // namespace r1
