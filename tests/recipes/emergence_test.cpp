#include "recipes/run_emergence.h"

#include <gtest/gtest.h>

#include "base/scratch.h"
#include "recipes/run_report.h"

namespace r1 {
namespace {

WatchedAnswer answer_at(int64_t step, int64_t prompt, const std::string& text) {
  return {.step = step,
          .prompt_index = prompt,
          .prompt = "8 a + 4 ? <b>",
          .answer = "2",
          .completion = text,
          .is_right = step > 0,
          .n_tokens = 7};
}

TEST(Emergence, ChartsOfWhatIsLogged) {
  const std::vector<std::pair<int64_t, Metrics>> lines = {
      {1, {{"reflection/words", 0.5}, {"reflection/rescued", 0.1}, {"language/share/en", 1.0}}},
      {2, {{"reflection/words", 0.7}, {"reflection/rescued", 0.2}, {"language/share/fr", 0.4}}}};
  const std::vector<Chart> charts = emergence_charts(lines);
  ASSERT_EQ(charts.size(), 3u);
  EXPECT_EQ(charts[0].series[0].points.size(), 2u);
  EXPECT_EQ(charts[2].series.size(), 2u);  // en and fr
  EXPECT_TRUE(emergence_charts({}).empty());
}

TEST(Emergence, TheBrowserShowsEachPromptOnceAndMarksReflection) {
  const std::string html =
      watched_browser({answer_at(0, 0, "<think> x </think> 1"), answer_at(0, 1, "no"),
                       answer_at(5, 0, "<think> Wait <i> </think> 2")});
  EXPECT_NE(html.find("<mark>Wait</mark>"), std::string::npos);
  EXPECT_EQ(html.find("<i>"), std::string::npos);  // made harmless
  EXPECT_NE(html.find("step 5"), std::string::npos);
  size_t n = 0;
  for (size_t at = html.find("<details>"); at != html.npos; at = html.find("<details>", at + 1))
    ++n;
  EXPECT_EQ(n, 2u);
  EXPECT_EQ(watched_browser({}), "");
  EXPECT_TRUE(watched_browser({answer_at(0, 0, "x"), answer_at(0, 1, "y")}, 12, true)
                  .starts_with("<details open>"));
}

TEST(Emergence, OfManyStepsTheFirstTheLastAndSomeBetween) {
  std::vector<WatchedAnswer> answers;
  for (int64_t step = 0; step <= 100; ++step) answers.push_back(answer_at(step, 0, "x"));
  const std::string html = watched_browser(answers, 3);
  for (const char* shown : {"step 0<", "step 50<", "step 100<"})
    EXPECT_NE(html.find(shown), std::string::npos) << shown;
  EXPECT_EQ(html.find("step 25<"), std::string::npos);
}

TEST(Emergence, WatchedAnswersAreReadBackWithoutATornLine) {
  const Scratch scratch;
  EXPECT_TRUE(read_watched(scratch.path())->empty());
  ASSERT_TRUE(write_text_atomic(
      scratch / "watched.jsonl",
      R"({"step":3,"prompt_index":1,"prompt":"p","answer":"2","completion":"c","length":9,"reward":1.5,"correct":1})"
      "\n{\"step\":4,\"pro"));
  const auto read = read_watched(scratch.path());
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(read->front().prompt_index, 1);
  EXPECT_TRUE(read->front().is_right);
  ASSERT_TRUE(write_text_atomic(scratch / "watched.jsonl", "nonsense\n"));
  EXPECT_FALSE(read_watched(scratch.path()));
}

}  // namespace
}  // namespace r1
