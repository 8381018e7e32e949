// Quality filters on known answers, and on what the math compiler and the built-in task write.
#include "reward/quality.h"

#include <gtest/gtest.h>

#include "data/last_digit.h"
#include "data/math_problem.h"
#include "reward/detect_language.h"
#include "reward/language_mix.h"
#include "reward/prose.h"

namespace r1 {
namespace {

Problem english_problem() {
  Problem problem;
  problem.messages = {
      {.role = "user",
       .content = "How many apples does Emma have if she buys three more of them?"}};
  problem.answer = "7";
  return problem;
}

Completion whole(std::string_view text) { return {.text = text, .finished = true}; }

constexpr const char* kGood =
    "<think> She has four apples and then she buys three more of them, which makes seven apples "
    "in all. </think> <answer> 7 </answer>";

TEST(Quality, OneLanguageIsThatOfThePrompt) {
  const QualityConfig config;
  EXPECT_EQ(filter_language(english_problem(), whole(kGood), config).value, 1);
  const char* french =
      "<think> Elle possède quatre pommes et ensuite elle en achète encore trois, ce qui fait sept "
      "pommes en tout. </think> <answer> 7 </answer>";
  EXPECT_EQ(filter_language(english_problem(), whole(french), config).value, 0);
  QualityConfig asked;
  asked.language = "fr";
  EXPECT_EQ(filter_language(english_problem(), whole(french), asked).value, 1);
  const char* mixed =
      "<think> She has four apples and then she buys three more of them. 她有四个苹果，"
      "然后又买了三个苹果。 </think> <answer> 7 </answer>";
  EXPECT_EQ(filter_language(english_problem(), whole(mixed), config).value, 0);
  EXPECT_EQ(filter_language(english_problem(), whole("<think> 3 + 4 = 7 </think>"), config).value,
            0);
}

TEST(Quality, ReadableHasNoCodeNoWallOfTextAndNoStrangeCharacters) {
  QualityConfig config;
  EXPECT_EQ(filter_readable(whole(kGood), config).value, 1);
  EXPECT_EQ(filter_readable(whole("<think>so\n```python\nx = 1\n```</think> 7"), config).reason,
            "a code block in the thought");
  EXPECT_EQ(filter_readable(whole("<think>so</think> ```7```"), config).value, 1);
  EXPECT_EQ(filter_readable(whole("<think>a\xFF</think>"), config).reason, "not UTF-8");
  EXPECT_EQ(filter_readable(whole("<think>a\x01</think>"), config).reason,
            "control character U+0001");
  EXPECT_EQ(filter_readable(whole("<think>\xEF\xBF\xBD</think>"), config).reason,
            "a replacement character");
  config.max_paragraph = 3;
  EXPECT_EQ(filter_readable(whole("<think>one two three\n\nfour five six</think>"), config).value,
            1);
  EXPECT_EQ(filter_readable(whole("<think>one two three four</think>"), config).reason,
            "a paragraph of 4 words");
  const std::string endless = "<think>" + std::string(200, 'a') + "</think>";
  EXPECT_EQ(filter_readable(whole(endless), {}).reason, "a word of 200 letters");
}

TEST(Quality, RepetitionIsTheShareOfRepeatedNgrams) {
  QualityConfig config;
  config.ngram_size = 2;
  config.max_repetition = 0.5;
  // a b, b a, a b, b a: two of four are repeated
  EXPECT_EQ(filter_repetition(whole("a b a b a"), config).value, 1);
  EXPECT_EQ(filter_repetition(whole("a b a b a"), config).reason, "50 % of 2-grams repeat");
  EXPECT_EQ(filter_repetition(whole("a b a b a b a"), config).value, 0);
  EXPECT_EQ(filter_repetition(whole("a"), config).value, 1);
  std::string loop;
  for (int i = 0; i < 100; ++i) loop += "wait, let me check this again. ";
  EXPECT_EQ(filter_repetition(whole(loop), {}).value, 0);
}

TEST(Quality, LengthCountsTokensWhereTheyAreKnown) {
  QualityConfig config;
  config.min_length = 2;
  config.max_length = 4;
  const auto of = [&](int64_t n, std::string_view text, bool finished = true) {
    return filter_length({.text = text, .finished = finished, .n_tokens = n}, config);
  };
  EXPECT_EQ(of(1, "abc").value, 0);
  EXPECT_EQ(of(2, "abc").value, 1);
  EXPECT_EQ(of(4, "abcdefgh").value, 1);
  EXPECT_EQ(of(5, "abc").reason, "5 tokens");
  EXPECT_EQ(of(-1, "abcde").reason, "5 characters");
  EXPECT_EQ(of(3, "abc", false).reason, "cut off");
}

TEST(Quality, TheFirstFilterThatRefusesIsNamed) {
  ThreadPool pool(2);
  const auto filters = QualityFilters::make({}).value();
  const Problem problem = english_problem();
  const std::string wrong = "<think> She has six apples. </think> <answer> 6 </answer>";
  const std::string untagged = "She has four apples and buys three. The answer is 7";
  const std::vector<Ask> asks = {
      {&problem, whole(kGood)}, {&problem, whole(wrong)}, {&problem, whole(untagged)}};
  const auto outcomes = filters.check_all(asks, pool);
  EXPECT_TRUE(outcomes[0].kept()) << outcomes[0].dropped_by << outcomes[0].reason;
  EXPECT_EQ(outcomes[1].dropped_by, "correct");
  EXPECT_EQ(outcomes[2].dropped_by, "format");
  EXPECT_EQ(outcomes[0].values.size(), 6u);
  EXPECT_EQ(outcomes[1].values.size(), 1u);
  const auto counts = count_dropped(filters.config().filters, outcomes);
  ASSERT_EQ(counts.size(), 6u);
  EXPECT_EQ(counts[0], (std::pair<std::string, int64_t>{"correct", 1}));
  EXPECT_EQ(counts[1].second, 1);
  EXPECT_EQ(counts[2].second, 0);
}

TEST(Quality, ARowWithoutReferenceCannotBeJudgedCorrect) {
  Problem problem = english_problem();
  problem.answer = "";
  EXPECT_FALSE(QualityFilters::make({})->can_judge(problem));
  QualityConfig config;
  config.filters = {"format", "readable"};
  EXPECT_TRUE(QualityFilters::make(config)->can_judge(problem));
}

TEST(Quality, AScoreBelowTheThresholdIsDropped) {
  ThreadPool pool(1);
  QualityConfig config;
  config.filters = {"score"};
  config.score_reward = {"format_tag_count"};
  config.min_score = 0.6;
  const auto filters = QualityFilters::make(config).value();
  const Problem problem = english_problem();
  const std::string half = "<think>\na\n</think>\n7", all = half + "\n<answer>\n7\n</answer>";
  const std::vector<Ask> asks = {{&problem, whole(half)}, {&problem, whole(all)}};
  const auto outcomes = filters.check_all(asks, pool);
  EXPECT_EQ(outcomes[0].dropped_by, "score");
  EXPECT_EQ(outcomes[0].values[0].second, 0.5);
  EXPECT_TRUE(outcomes[1].kept());
}

TEST(Quality, WrongSettingsAreRefusedByName) {
  const auto refused = [](auto change) {
    QualityConfig config;
    change(config);
    const auto made = QualityFilters::make(config);
    return made ? std::string() : made.error().message;
  };
  EXPECT_NE(refused([](QualityConfig& c) { c.filters = {"nice"}; }).find("unknown filter nice"),
            std::string::npos);
  EXPECT_NE(refused([](QualityConfig& c) { c.filters = {"length", "length"}; }), "");
  EXPECT_NE(refused([](QualityConfig& c) { c.filters = {"score"}; }), "");
  EXPECT_NE(refused([](QualityConfig& c) { c.score_reward = {"format"}; }), "");
  EXPECT_NE(refused([](QualityConfig& c) { c.language = "klingon"; }), "");
  EXPECT_NE(refused([](QualityConfig& c) { c.ngram_size = 0; }), "");
  EXPECT_NE(refused([](QualityConfig& c) { c.correct_reward = "acuracy"; }), "");
  EXPECT_NE(refused([](QualityConfig& c) { c.min_length = 9, c.max_length = 3; }), "");
}

TEST(Quality, TheBuiltInTasksColdStartPassesAndMixedLanguagesDoNot) {
  ThreadPool pool(2);
  QualityConfig config;
  config.correct_reward = "accuracy_strict";
  config.max_repetition = 0.6;
  const auto filters = QualityFilters::make(config).value();
  for (const Language language : {Language::kEnglish, Language::kMixed}) {
    std::vector<Problem> problems;
    for (int64_t i = 0; i < 50; ++i)
      problems.push_back(last_digit_cold_start_problem(1, i, {.language = language}));
    std::vector<Ask> asks;
    for (const Problem& problem : problems) asks.push_back({&problem, whole(problem.completion)});
    int n_kept = 0;
    for (const QualityOutcome& outcome : filters.check_all(asks, pool)) {
      n_kept += outcome.kept();
      EXPECT_TRUE(outcome.kept() || outcome.dropped_by == "one_language") << outcome.reason;
    }
    EXPECT_EQ(n_kept, language == Language::kEnglish ? 50 : 0);
  }
}

// The detector agrees with the math compiler about its languages, question and thought.
TEST(Quality, TheMathCompilersRowsPassAllFiltersInBothLanguages) {
  ThreadPool pool(2);
  for (const char* language : {"en", "fr"}) {
    MathConfig math;
    math.language = {language};
    math.format = "open_r1";
    math.slip_rate = 0.2;
    std::vector<Problem> problems(400);
    std::vector<Ask> asks;
    int n_question = 0;
    for (size_t i = 0; i < problems.size(); ++i) {
      const MathProblem made = make_math_problem(math, static_cast<int64_t>(i));
      problems[i].messages = {{.role = "user", .content = made.question}};
      problems[i].answer = made.answer;
      problems[i].completion = made.completion;
      n_question += language_of(without_code_and_latex(made.question)) == language;
      asks.push_back({&problems[i], whole(problems[i].completion)});
    }
    EXPECT_EQ(n_question, 400) << language;
    const auto filters = QualityFilters::make({}).value();
    const auto outcomes = filters.check_all(asks, pool);
    int n_shown = 0;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].kept() || ++n_shown > 5) continue;
      ADD_FAILURE() << outcomes[i].dropped_by << ": " << outcomes[i].reason << "\n"
                    << problems[i].messages[0].content << "\n"
                    << problems[i].completion;
    }
    EXPECT_EQ(n_shown, 0) << language;
  }
}

}  // namespace
}  // namespace r1
