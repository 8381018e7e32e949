#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "data/last_digit.h"

namespace r1 {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

bool has(const std::string& text, const std::string& word) {
  return (" " + text + " ").find(" " + word + " ") != std::string::npos;
}

/// What a document says about itself, read back from its words.
struct Reading {
  enum Kind { kTable, kTextbook, kConversation } kind;
  std::string style, language, problem;
  bool has_think, has_answer_tag, is_right, has_slip;
};

std::string language_of(double share) {
  return share == 1 ? "english" : share == 0 ? "french" : "mixed";
}

/// The answer when every line is followed without a slip.
int value_of(const std::string& problem) {
  const auto words = words_of(problem);
  int value = std::stoi(words[0]);
  for (size_t i = 1; i + 2 < words.size(); i += 3) {
    value = last_digit_of(words[i + 1][0], value, std::stoi(words[i + 2]));
  }
  return value;
}

/// Whether any written sum "8 + 4 = 3" (or, in 'steps', any running result) is wrong.
bool has_wrong_sum(const std::string& completion, const std::string& problem) {
  const auto words = words_of(completion);
  int running = std::stoi(words_of(problem)[0]);
  for (size_t i = 3; i + 1 < words.size(); ++i) {
    if (words[i] != "=" || words[i - 2].find_first_of("+-*") == std::string::npos) continue;
    const bool is_sum = std::isdigit(words[i - 3][0]);
    const int before = is_sum ? std::stoi(words[i - 3]) : running;
    const int right = last_digit_of(words[i - 2][0], before, std::stoi(words[i - 1]));
    running = std::stoi(words[i + 1]);
    if (running != right) return true;
  }
  return false;
}

std::string style_of(const std::string& completion) {
  if (has(completion, "guess") || has(completion, "devine")) return "direct";
  if (has(completion, "quick") || has(completion, "vite")) return "quick";
  if (has(completion, "so") || has(completion, "donc")) return "steps";
  return "worked";  // work, or careful: alike when nothing was checked
}

Reading read(const Document& document) {
  const auto prompt = words_of(document.prompt), completion = words_of(document.completion);
  Reading r{};
  if (prompt.size() == 1) return r.kind = Reading::kTable, r;
  r.kind = prompt[1] == "<user>" ? Reading::kConversation : Reading::kTextbook;
  const bool chat = r.kind == Reading::kConversation;
  for (size_t i = chat ? 2 : 1; i < prompt.size() - (chat ? 1 : 0); ++i) {
    r.problem += (r.problem.empty() ? "" : " ") + prompt[i];
  }
  r.style = style_of(document.completion);
  r.language = language_of(english_share(document.completion));
  r.has_think = has(document.completion, "<think>");
  r.has_answer_tag = has(document.completion, "<answer>");
  const std::string said = completion[completion.size() - (r.has_answer_tag ? 3 : 2)];
  r.is_right = std::stoi(said) == value_of(r.problem);
  r.has_slip = has_wrong_sum(document.completion, r.problem);
  return r;
}

class Corpus : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    for (int64_t i = 0; i < kSize; ++i) documents_.push_back(last_digit_document(11, i));
  }
  static constexpr int64_t kSize = 20000;
  static inline std::vector<Document> documents_;
};

TEST_F(Corpus, DocumentsBeginAndEndProperlyInSingleSpacedWords) {
  for (const auto& document : documents_) {
    EXPECT_EQ(document.prompt.substr(0, 5), "<bos>");
    EXPECT_EQ(document.completion.substr(document.completion.size() - 6), " <eos>");
    const std::string text = document.prompt + " " + document.completion;
    ASSERT_EQ(text.find("  "), std::string::npos) << text;
    ASSERT_NE(document.completion.front(), ' ');
  }
}

TEST_F(Corpus, TablesAreRight) {
  int n_tables = 0;
  for (const auto& document : documents_) {
    if (document.prompt != "<bos>") continue;
    ++n_tables;
    const auto words = words_of(document.completion);
    const size_t n_facts = words.size() / 6;
    ASSERT_EQ(words.size(), n_facts * 6 + 1);
    ASSERT_GE(n_facts, 4u);
    ASSERT_LE(n_facts, 8u);
    for (size_t i = 0; i + 1 < words.size(); i += 6) {
      ASSERT_EQ(last_digit_of(words[i + 1][0], std::stoi(words[i]), std::stoi(words[i + 2])),
                std::stoi(words[i + 4]));
    }
  }
  EXPECT_NEAR(n_tables / double(kSize), 0.12, 0.01);
}

TEST_F(Corpus, SharesFollowTheRecipe) {
  std::map<std::string, int> textbook, conversation, language;
  int n_textbook = 0, n_conversation = 0, n_think = 0, n_answer_tag = 0, n_both = 0;
  for (const auto& document : documents_) {
    const Reading r = read(document);
    if (r.kind == Reading::kTable) continue;
    if (r.kind == Reading::kTextbook) {
      ++n_textbook;
      ++textbook[r.style];
      ++language[r.language];
    } else {
      ++n_conversation;
      ++conversation[r.style];
      n_think += r.has_think;
      n_answer_tag += r.has_answer_tag;
      n_both += r.has_think && r.has_answer_tag;
    }
  }
  EXPECT_NEAR(n_textbook / double(kSize), 0.40, 0.015);
  EXPECT_NEAR(n_conversation / double(kSize), 0.48, 0.015);
  const auto share = [](int n, int of) { return n / double(of); };
  EXPECT_NEAR(share(textbook["quick"], n_textbook), 0.15, 0.02);
  EXPECT_NEAR(share(textbook["steps"], n_textbook), 0.30, 0.02);
  EXPECT_NEAR(share(textbook["worked"], n_textbook), 0.55, 0.02);
  EXPECT_NEAR(share(conversation["direct"], n_conversation), 0.42, 0.02);
  EXPECT_NEAR(share(conversation["quick"], n_conversation), 0.30, 0.02);
  EXPECT_NEAR(share(conversation["steps"], n_conversation), 0.03, 0.02);
  EXPECT_NEAR(share(conversation["worked"], n_conversation), 0.25, 0.02);
  EXPECT_NEAR(share(n_both, n_conversation), 0.35, 0.02);
  EXPECT_NEAR(share(n_think, n_conversation), 0.45, 0.02);
  EXPECT_NEAR(share(n_answer_tag, n_conversation), 0.45, 0.02);
  EXPECT_NEAR(share(language["mixed"], n_textbook), 0.29, 0.02);  // a few mixed ones look pure
  EXPECT_NEAR(share(language["english"], n_textbook), 0.355, 0.02);
}

TEST_F(Corpus, StylesAreAsOftenRightAsInTheRecipe) {
  std::map<std::string, std::pair<int, int>> right;  // right, all
  for (const auto& document : documents_) {
    const Reading r = read(document);
    if (r.kind != Reading::kConversation) continue;
    right[r.style].first += r.is_right;
    ++right[r.style].second;
  }
  const auto share = [&](const std::string& style) {
    return right[style].first / double(right[style].second);
  };
  EXPECT_NEAR(share("direct"), 0.70, 0.03);
  EXPECT_NEAR(share("quick"), 0.48, 0.03);
  EXPECT_NEAR(share("steps"), 0.53, 0.04);
}

TEST_F(Corpus, DocumentsWithoutAWrongSumAreRightAndOnTrainingProblems) {
  int n_checked = 0;
  for (const auto& document : documents_) {
    const Reading r = read(document);
    if (r.kind == Reading::kTable) continue;
    ASSERT_FALSE(is_test(r.problem)) << r.problem;
    if (r.style == "direct" || r.style == "quick" || r.has_slip) continue;
    ++n_checked;
    ASSERT_TRUE(r.is_right) << document.prompt << " " << document.completion;
  }
  EXPECT_GT(n_checked, 5000);
}

TEST_F(Corpus, DocumentsAreTheSameInAnyOrder) {
  for (int64_t i = 199; i >= 0; --i) {
    const Document again = last_digit_document(11, i);
    ASSERT_EQ(again.prompt, documents_[i].prompt);
    ASSERT_EQ(again.completion, documents_[i].completion);
  }
  EXPECT_NE(last_digit_document(12, 3).completion, documents_[3].completion);
}

TEST(LastDigitColdStart, ExamplesAreEnglishTaggedAndRight) {
  for (int64_t i = 0; i < 500; ++i) {
    const Document document = last_digit_cold_start(5, i);
    const Reading r = read(document);
    ASSERT_TRUE(r.is_right && r.has_think && r.has_answer_tag) << document.completion;
    ASSERT_EQ(r.language, "english");
    ASSERT_FALSE(is_test(r.problem));
  }
}

TEST(LastDigitProbe, PointsAtOperandsAndSums) {
  for (int64_t i = 0; i < 200; ++i) {
    const Probe probe = last_digit_probe(2, i);
    const std::string problem = probe.prompt.substr(6);
    ASSERT_TRUE(is_test(problem));
    const auto asked = words_of(problem), words = words_of(probe.completion);
    const size_t n_lines = probe.operand_words.size();
    ASSERT_EQ(asked.size(), n_lines * 3 + 2);
    ASSERT_EQ(probe.sum_words.size(), n_lines);
    int value = std::stoi(asked[0]);
    for (size_t line = 0; line < n_lines; ++line) {
      const std::string &op = asked[line * 3 + 2], &operand = asked[line * 3 + 3];
      value = last_digit_of(op[0], value, std::stoi(operand));
      ASSERT_EQ(words.at(probe.operand_words[line]), operand);
      ASSERT_EQ(words.at(probe.sum_words[line]), std::to_string(value));
    }
    ASSERT_EQ(words[words.size() - 2], std::to_string(value));
  }
}

}  // namespace
}  // namespace r1
