// Preference data: the forms that people have, hostile rows, and the built-in task's pairs.
#include "data/preferences.h"

#include <gtest/gtest.h>

#include <fstream>

#include "data/last_digit.h"
#include "data/last_digit_preferences.h"

namespace r1 {
namespace {

class Preferences : public testing::Test {
 protected:
  Path file_ = Path(testing::TempDir()) / "preferences_test.jsonl";
  Result<PreferenceData> read(const std::string& text) {
    std::ofstream(file_) << text;
    return read_preferences(file_);
  }
  std::string error_of(const std::string& text) {
    const auto data = read(text);
    return data ? "no error" : data.error().message;
  }
  void TearDown() override { std::filesystem::remove(file_); }
};

TEST_F(Preferences, ReadTextsAndMessages) {
  const auto data = read(
      R"({"prompt": "2+2?", "chosen": "4", "rejected": "5", "margin": 0.5})"
      "\n"
      R"({"prompt": [{"role":"user","content":"a"}], "chosen": [{"role":"assistant","content":"b"}],)"
      R"( "rejected": [{"role":"assistant","content":"c"}]})"
      "\n"
      R"({"chosen": [{"role":"user","content":"a"},{"role":"assistant","content":"b"}],)"
      R"( "rejected": [{"role":"user","content":"a"},{"role":"assistant","content":"c"}]})"
      "\n"
      R"({"chosen": "Human: a Assistant: b", "rejected": "Human: a Assistant: c"})");
  ASSERT_TRUE(data) << data.error().message;
  ASSERT_EQ(data->pairs.size(), 4u);
  EXPECT_EQ(data->pairs[0].margin, 0.5);
  EXPECT_EQ(data->pairs[0].prompt[0].content, "2+2?");
  for (int i : {1, 2}) {
    ASSERT_EQ(data->pairs[i].prompt.size(), 1u);
    EXPECT_EQ(data->pairs[i].prompt[0].role, "user");
    EXPECT_EQ(data->pairs[i].chosen, "b");
    EXPECT_EQ(data->pairs[i].rejected, "c");
  }
  EXPECT_TRUE(data->pairs[3].prompt.empty());
}

TEST_F(Preferences, ReadLabels) {
  const auto data = read(R"({"prompt": "p", "completion": "a", "label": true})"
                         "\n"
                         R"({"prompt": "p", "completion": "a", "label": 0})"
                         "\n"
                         R"({"prompt": "p", "completion": "a", "label": "unsafe"})"
                         "\n"
                         R"({"prompt": "p", "completion": "a", "label": "safe"})");
  ASSERT_TRUE(data) << data.error().message;
  std::vector<bool> labels;
  for (const auto& row : data->labelled) labels.push_back(row.is_good);
  EXPECT_EQ(labels, (std::vector<bool>{true, false, false, true}));
  EXPECT_EQ(data->labelled[0].completion, "a");
}

TEST_F(Preferences, RefuseWhatIsNeither) {
  EXPECT_NE(error_of(R"({"prompt": "p"})").find("row 1: neither chosen"), std::string::npos);
  EXPECT_NE(error_of(R"({"prompt": "p", "chosen": "a"})").find("no rejected"), std::string::npos);
  EXPECT_NE(error_of(R"({"prompt": "p", "chosen": 7, "rejected": "a"})").find("chosen: expected"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"prompt": "p", "chosen": [], "rejected": "a"})").find("chosen: expected"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"prompt":"p","chosen":[{"role":"user","content":"x"}],"rejected":"a"})")
                .find("not the assistant's"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"prompt":"p","chosen":[{"role":"assistant"}],"rejected":"a"})")
                .find("chosen[0]: no content"),
            std::string::npos);
  EXPECT_NE(
      error_of(R"({"prompt": "p", "chosen": "a", "rejected": "b", "margin": "x"})").find("margin"),
      std::string::npos);
  EXPECT_NE(error_of(R"({"prompt": "p", "completion": "a", "label": 2})").find("label"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"prompt": "p", "label": true})").find("no completion"), std::string::npos);
  EXPECT_NE(error_of("{\"prompt\": \"p\", \"chosen\": \"a\", \"rejected\": \"b\"}\n"
                     "{\"prompt\": \"p\", \"completion\": \"a\", \"label\": 1}")
                .find("row 2: pairs and labelled"),
            std::string::npos);
}

/// The digit in the answer tags; "" without any.
std::string answer_of(const std::string& text) {
  if (text.find("<answer> ") == std::string::npos) return "";
  const size_t begin = text.find("<answer> ") + 9;
  return text.substr(begin, text.find(" </answer>") - begin);
}

TEST(LastDigitPreferences, KeepTheHiddenRule) {
  std::map<std::string, int> kinds;
  int longer = 0, ordinary = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    const auto pair = last_digit_preference(3, i % 2, i);
    EXPECT_EQ(answer_of(pair.chosen), pair.answer) << pair.id;
    EXPECT_NE(answer_of(pair.rejected), pair.answer) << pair.id;
    EXPECT_EQ(is_test(pair.prompt), i % 2 == 1);
    ++kinds[pair.kind];
    if (pair.kind == "cut" || pair.kind == "counter") continue;
    ++ordinary;
    longer += pair.chosen.size() > pair.rejected.size();
  }
  EXPECT_EQ(kinds.size(), 5u);
  EXPECT_NEAR(kinds["counter"], 20, 15);
  EXPECT_GT(longer, 0.95 * ordinary);  // the correlate that a reward model can mistake for the rule
}

TEST(LastDigitPreferences, DependOnSeedAndIndexAlone) {
  const auto a = last_digit_preference(1, false, 5), b = last_digit_preference(1, false, 5);
  EXPECT_EQ(a.chosen, b.chosen);
  EXPECT_EQ(a.rejected, b.rejected);
  EXPECT_NE(a.chosen, last_digit_preference(2, false, 5).chosen);
}

}  // namespace
}  // namespace r1
