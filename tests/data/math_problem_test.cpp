// The math compiler: exact, verified, deterministic, and in its splits.
#include "data/math_problem.h"

#include <gtest/gtest.h>

#include <cmath>
#include <regex>
#include <set>

#include "data/last_digit.h"
#include "data/math_story.h"
#include "math/verify.h"

namespace r1 {
namespace {

MathConfig config_of(std::string kind, std::string language, double slip_rate = 0) {
  MathConfig config;
  config.kind = {std::move(kind)};
  config.language = {std::move(language)};
  config.slip_rate = slip_rate;
  return config;
}

struct Claim {
  std::string left, right;
  bool is_true = false;
};

/// Every "… = n" of a text, judged by math/verify.
std::vector<Claim> claims_of(const std::string& text) {
  static const std::regex equation(
      R"(((?:\(?-?\d+(?:/\d+)?\)?) [-+*/^] (?:\(?-?\d+(?:/\d+)?\)?)) = (-?\d+(?:/\d+)?))");
  std::vector<Claim> claims;
  for (std::sregex_iterator it(text.begin(), text.end(), equation), end; it != end; ++it) {
    Claim claim{(*it)[1], (*it)[2]};
    claim.is_true = verify_answer(claim.right, "\\boxed{" + claim.left + "}").equal;
    claims.push_back(claim);
  }
  return claims;
}

TEST(MathProblem, WithoutSlipsEveryLineIsTrue) {
  for (const char* kind : {"expression", "story"}) {
    for (const char* language : {"en", "fr"}) {
      const MathConfig config = config_of(kind, language);
      for (int64_t i = 0; i < 60; ++i) {
        const MathProblem problem = make_math_problem(config, i);
        const auto claims = claims_of(problem.thought);
        EXPECT_GE(static_cast<int>(claims.size()), problem.trace.n_steps) << problem.thought;
        for (const Claim& claim : claims)
          EXPECT_TRUE(claim.is_true) << claim.left << " = " << claim.right;
        EXPECT_EQ(problem.trace.n_slips, 0);
      }
    }
  }
}

TEST(MathProblem, EverySlipIsWrongOnceAndMended) {
  int n_slips = 0;
  for (int64_t i = 0; i < 200; ++i) {
    MathConfig config = config_of(i % 2 ? "story" : "expression", "en", 0.4);
    const MathProblem problem = make_math_problem(config, i);
    int n_wrong = 0;
    std::set<std::string> right;
    for (const Claim& claim : claims_of(problem.thought)) {
      n_wrong += !claim.is_true;
      if (claim.is_true) right.insert(claim.left);
    }
    for (const Claim& claim : claims_of(problem.thought))
      EXPECT_TRUE(right.contains(claim.left)) << problem.thought;
    EXPECT_EQ(n_wrong, problem.trace.n_slips) << problem.thought;
    n_slips += problem.trace.n_slips;
    EXPECT_TRUE(verify_answer(problem.answer, problem.completion).equal) << problem.completion;
  }
  EXPECT_GT(n_slips, 100);
}

TEST(MathProblem, ASlipRateOfOneSlipsAtEveryStepThatCan) {
  const MathProblem problem = make_math_problem(config_of("expression", "en", 1.0), 3);
  EXPECT_GE(problem.trace.n_slips * 2, problem.trace.n_steps);
}

TEST(MathProblem, IsAFunctionOfSeedAndIndex) {
  MathConfig config;
  config.language = {"en", "fr"};
  std::vector<std::string> first;
  for (int64_t i = 0; i < 40; ++i) first.push_back(make_math_problem(config, i).completion);
  for (int64_t i = 39; i >= 0; --i)
    EXPECT_EQ(make_math_problem(config, i).completion, first[static_cast<size_t>(i)]);
  config.seed = 1;
  int n_equal = 0;
  for (int64_t i = 0; i < 40; ++i)
    n_equal += make_math_problem(config, i).completion == first[static_cast<size_t>(i)];
  EXPECT_LT(n_equal, 3);
}

TEST(MathProblem, TheSplitsHaveNoProblemInCommon) {
  MathConfig train = config_of("expression", "en"), test = train;
  test.split = "test";
  test.language = {"fr"};  // the same numbers in another language are the same problem
  for (int64_t i = 0; i < 200; ++i) {
    const MathProblem a = make_math_problem(train, i), b = make_math_problem(test, i);
    EXPECT_FALSE(is_test(write_tree(a.tree, a.tree.root())));
    EXPECT_TRUE(is_test(write_tree(b.tree, b.tree.root())));
  }
}

TEST(MathProblem, LevelsHaveTheirSteps) {
  MathConfig config = config_of("expression", "en");
  const int least[] = {1, 2, 3, 4, 5}, most[] = {1, 2, 3, 5, 6};
  bool has_fraction = false;
  for (int level = 1; level <= kMathLevels; ++level) {
    config.levels = {static_cast<double>(level)};
    for (int64_t i = 0; i < 50; ++i) {
      const MathProblem problem = make_math_problem(config, i);
      EXPECT_EQ(problem.level, level);
      EXPECT_GE(problem.trace.n_steps, least[level - 1]);
      EXPECT_LE(problem.trace.n_steps, most[level - 1]);
      EXPECT_TRUE(level >= 4 || problem.tree.value().sign() > 0);
      EXPECT_TRUE(level >= 5 || problem.tree.value().is_integer());
      has_fraction |= !problem.tree.value().is_integer();
    }
  }
  EXPECT_TRUE(has_fraction);
}

TEST(MathProblem, NumbersOfStoriesAreWholeAndAboveZero) {
  for (int level = 1; level <= kMathLevels; ++level) {
    Rng rng(3, static_cast<uint64_t>(level));
    for (int i = 0; i < 200; ++i) {
      const MathStory story = draw_story(level, i % 2 ? "en" : "fr", rng);
      for (const MathTree::Node& node : story.tree.nodes) {
        EXPECT_TRUE(node.value.is_integer()) << story.question;
        EXPECT_GT(node.value.sign(), 0) << story.question;
      }
      EXPECT_EQ(story.question.find('{'), std::string::npos) << story.question;
    }
  }
}

TEST(MathProblem, AnswersStandInTheirFormat) {
  MathConfig config = config_of("expression", "en");
  config.format = "zero";
  EXPECT_TRUE(make_math_problem(config, 0).completion.starts_with("<think> "));
  config.format = "open_r1";
  EXPECT_TRUE(make_math_problem(config, 0).completion.ends_with("\n</answer>"));
  config.format = "r1";
  const MathProblem problem = make_math_problem(config, 0);
  EXPECT_NE(problem.completion.find("\\boxed{" + problem.answer + "}"), std::string::npos);
}

TEST(MathProblem, WrongSettingsAreRefusedByName) {
  const auto message = [](auto change) {
    MathConfig config;
    change(config);
    const auto valid = config.validate();
    return valid ? std::string() : valid.error().message;
  };
  EXPECT_EQ(message([](MathConfig&) {}), "");
  EXPECT_EQ(message([](MathConfig& c) { c.levels = {6}; }), "level 6; there are 1 to 5");
  EXPECT_EQ(message([](MathConfig& c) { c.language = {"de"}; }), "language is 'de'; known: en, fr");
  EXPECT_NE(message([](MathConfig& c) { c.kind = {}; }), "");
  EXPECT_NE(message([](MathConfig& c) { c.style = {"loud"}; }), "");
  EXPECT_NE(message([](MathConfig& c) { c.format = "xml"; }), "");
  EXPECT_NE(message([](MathConfig& c) { c.split = "dev"; }), "");
  EXPECT_NE(message([](MathConfig& c) { c.slip_rate = 1.5; }), "");
  EXPECT_NE(message([](MathConfig& c) { c.slip_rate = std::nan(""); }), "");
}

}  // namespace
}  // namespace r1
