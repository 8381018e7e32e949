#include "reward/reflection.h"

#include <gtest/gtest.h>

#include "data/last_digit_read.h"

namespace r1 {
namespace {

Problem problem_of(const std::string& question, const std::string& answer, int difficulty = 0) {
  Problem p;
  p.messages.push_back({.role = "user", .content = question});
  p.answer = answer;
  p.difficulty = difficulty;
  return p;
}

Episode episode_of(int problem, const std::string& text, bool is_right, size_t n_tokens = 4) {
  Episode e;
  e.problem = problem;
  e.text = text;
  e.tokens.resize(n_tokens);
  e.score.parts = {{"accuracy", is_right ? 1.0 : 0.0}};
  return e;
}

double value_of(const Metrics& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics) {
    if (key == name) return value;
  }
  ADD_FAILURE() << "no metric " << name;
  return 0;
}

TEST(LastDigitRead, ProblemsAreReadBackAndOtherTextsAreNot) {
  const auto program = parse_last_digit("8 a + 4 b - 5 c * 7 ?");
  ASSERT_TRUE(program);
  EXPECT_EQ(program->start, 8);
  EXPECT_EQ(program->value, 9);
  EXPECT_EQ(program->lines.size(), 3u);
  for (const char* other : {"", "?", "8 a + 4 ", "8 b + 4 ?", "8 a / 4 ?", "18 a + 4 ?", "8 ?",
                            "What is 6 * 7 ?", "8 a + 4 b - ?"})
    EXPECT_FALSE(parse_last_digit(other)) << other;
}

TEST(LastDigitRead, EveryProblemOfTheTask) {
  for (int64_t i = 0; i < 200; ++i) {
    const Problem p = last_digit_problem(3, i % 2 == 0, i);
    const auto program = parse_last_digit(p.messages.back().content);
    ASSERT_TRUE(program) << p.messages.back().content;
    EXPECT_EQ(std::to_string(program->value), p.answer);
    EXPECT_EQ(static_cast<int>(program->lines.size()), p.difficulty);
  }
}

TEST(WorkedLines, OfTheBuiltInTask) {
  const auto lines = worked_lines("first a + 4 ; 8 + 4 = 1 wait 8 + 4 = 2 then b - 5 ; 2 - 5 = 7",
                                  Arithmetic::kLastDigit);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_FALSE(lines[0].is_right);
  EXPECT_TRUE(lines[1].is_right);
  EXPECT_TRUE(lines[1].is_doubted);
  EXPECT_TRUE(lines[2].is_right);
  EXPECT_FALSE(lines[2].is_doubted);
  EXPECT_EQ(count_corrections(lines).n_rescues, 1);
}

TEST(WorkedLines, OfProse) {
  const auto lines = worked_lines(
      "First, 12 * 3 = 35. Wait, that is not right: 12 * 3 = 36, not 35. Then 36 / 8 = 9/2, and "
      "-2 + 2.5 = 0.5, also 2 × 3 = 6 and 2 ^ 5 = 32.",
      Arithmetic::kExact);
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_FALSE(lines[0].is_right);
  for (size_t i = 1; i < 6; ++i) EXPECT_TRUE(lines[i].is_right) << i;
  EXPECT_EQ(count_corrections(lines).n_rescues, 1);
  EXPECT_EQ(count_corrections(lines).n_breaks, 0);
}

TEST(WorkedLines, LongSumsAndWordsAreNoEquations) {
  EXPECT_TRUE(worked_lines("2 + 3 + 4 = 9", Arithmetic::kExact).empty());
  EXPECT_TRUE(worked_lines("x2 + 3 = 5", Arithmetic::kExact).empty());
  EXPECT_TRUE(worked_lines("2 + = 5 and - 3", Arithmetic::kExact).empty());
  EXPECT_TRUE(worked_lines(std::string(10000, '9'), Arithmetic::kExact).empty());
  EXPECT_TRUE(worked_lines("1 / 0 = 5", Arithmetic::kExact).front().is_right == false);
}

TEST(Corrections, BreaksAndFutileOnes) {
  const auto count = [](const char* text) {
    return count_corrections(worked_lines(text, Arithmetic::kLastDigit));
  };
  EXPECT_EQ(count("8 + 4 = 2 wait 8 + 4 = 3").n_breaks, 1);
  EXPECT_EQ(count("8 + 4 = 1 wait 8 + 4 = 3").n_futile, 1);
  EXPECT_EQ(count("8 + 4 = 2 check 8 + 4 = 2").n_breaks, 0);  // says the same
  EXPECT_EQ(count("8 + 4 = 1 then 8 + 4 = 2").n_rescues, 0);  // without a doubt
  EXPECT_EQ(count("8 + 4 = 1 attends 8 + 4 = 2").n_rescues, 1);
}

TEST(SelfCorrection, RescuesAndBreaksAnAnswer) {
  const Problem p = problem_of("8 a + 4 ?", "2");
  EXPECT_TRUE(self_correction(p, "<think> 8 + 4 = 1 wait 8 + 4 = 2 </think>", true).rescued);
  EXPECT_TRUE(self_correction(p, "<think> 8 + 4 = 2 wait 8 + 4 = 3 </think>", false).broken);
  const SelfCorrection none = self_correction(p, "<think> 8 + 4 = 2 </think>", true);
  EXPECT_FALSE(none.rescued || none.broken);
  // a mended line in an answer that is wrong for another reason
  EXPECT_FALSE(self_correction(p, "<think> 8 + 4 = 1 wait 8 + 4 = 2 </think>", false).rescued);
}

TEST(SelfCorrection, DraftsOfFreeText) {
  const Problem p = problem_of("How many?", "7");
  EXPECT_TRUE(self_correction(
                  p, "<think>So the answer is 6.\nWait, I forgot one.\n</think>\n\\boxed{7}", true)
                  .rescued);
  EXPECT_TRUE(
      self_correction(p, "<think>So \\boxed{7}.\nHmm, no.\n</think>\n\\boxed{6}", false).broken);
  EXPECT_FALSE(self_correction(p, "<think>The answer is 7.\n</think>\n\\boxed{7}", true).rescued);
}

TEST(Reflection, WordsAreCountedWholeAndInAnyCase) {
  const auto words = count_reflection_words("Wait, but awaiting: CHECK check. Vérifie, mais non.");
  EXPECT_EQ(words.at("wait"), 1);
  EXPECT_EQ(words.at("but"), 1);
  EXPECT_EQ(words.at("check"), 2);
  EXPECT_EQ(words.at("mais"), 1);
  EXPECT_EQ(words.count("awaiting"), 0u);
}

TEST(Reflection, MetricsOfKnownEpisodes) {
  const std::vector<Problem> problems = {problem_of("8 a + 4 ?", "2", 1),
                                         problem_of("8 a + 4 b - 5 ?", "7", 2)};
  const std::vector<Episode> episodes = {
      episode_of(0, "<think> so 8 + 4 = 1 wait 8 + 4 = 2 </think>", true, 10),
      episode_of(1, "<think> donc 8 + 4 = 2 puis 2 - 5 = 7 </think>", true, 20),
      episode_of(1, "<think> so 8 + 4 = 2 puis 2 - 5 = 1 </think>", false, 20),
      episode_of(0, "guess", false, 10)};
  const Metrics m = reflection_metrics(problems, episodes);
  EXPECT_DOUBLE_EQ(value_of(m, "reflection/words"), 0.25);
  EXPECT_DOUBLE_EQ(value_of(m, "reflection/rate"), 0.25);
  EXPECT_DOUBLE_EQ(value_of(m, "reflection/rescued"), 0.25);
  EXPECT_DOUBLE_EQ(value_of(m, "reflection/broken"), 0);
  EXPECT_DOUBLE_EQ(value_of(m, "reflection/right_lines"), 4.0 / 6);
  EXPECT_DOUBLE_EQ(value_of(m, "language/one_language"), 3.0 / 4);
  EXPECT_DOUBLE_EQ(value_of(m, "language/share/en"), 4.0 / 7);
  EXPECT_DOUBLE_EQ(value_of(m, "length/difficulty_correlation"), 1);
  const auto lengths = length_by_difficulty(problems, episodes);
  ASSERT_EQ(lengths.size(), 2u);
  EXPECT_DOUBLE_EQ(lengths[1].mean_length, 20);
  EXPECT_DOUBLE_EQ(lengths[1].accuracy, 0.5);
}

TEST(LanguageMix, OfTwoLanguages) {
  const LanguageMix english = language_mix("The answer follows from the rule that we know well.");
  EXPECT_TRUE(english.has_one_language());
  const LanguageMix mixed = language_mix(
      "The answer follows from the rule. 然后我们把两边相加得到结果。 That is what we wanted.");
  EXPECT_FALSE(mixed.has_one_language());
  EXPECT_EQ(language_mix("1 + 2 = 3").n_words(), 0);
  EXPECT_FALSE(language_mix("").has_one_language());
}

TEST(LanguageMix, OfTheBuiltInTaskIsByItsWordsAndOfProseAboutItByItsOwn) {
  Problem problem;
  problem.messages = {{.role = "user", .content = "5 a + 8 b - 8 ?"}};
  const auto mix = [&](const char* text) { return language_mix_of(problem, text); };
  EXPECT_EQ(mix("<think> first a + 8 ; 5 + 8 = 3 puis b - 8 </think> <answer> 5 </answer>").words,
            (std::map<std::string, int64_t>{{"en", 1}, {"fr", 1}}));
  EXPECT_EQ(mix("<think> 5 + 8 = 3 </think> <answer> 5 </answer>").n_words(), 0);
  EXPECT_EQ(mix("<think> <think> 5 + 8 </think> <answer> 5 </answer>").n_words(), 0);
  EXPECT_EQ(mix("5 + 8 <answer> 5 </answer>").n_words(), 0);
  const LanguageMix prose =
      mix("<think>I go from left to right, and keep the last digit each time.</think> 5");
  EXPECT_TRUE(prose.has_one_language());
  EXPECT_EQ(prose.words.begin()->first, "en");
}

}  // namespace
}  // namespace r1
