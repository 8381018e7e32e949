// Needles and long programs: right answers, lengths that fit, and nothing else changed by depth.
#include "data/long_context.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "data/last_digit.h"
#include "text/tokenizer.h"

namespace r1 {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

LongRequest request(int64_t length, double depth, int64_t index = 0) {
  LongRequest r;
  r.length = length;
  r.depth = depth;
  r.index = index;
  return r;
}

/// About a token for four letters, as an English tokenizer.
int64_t count_letters(std::string_view prompt, std::string_view completion) {
  return static_cast<int64_t>(prompt.size() + completion.size()) / 4 + 5;
}

TEST(LongContext, NeedlesLieAtTheirDepthAndHoldTheAnswer) {
  for (const int64_t length : {16, 64, 256, 1024}) {
    for (const double depth : {0.0, 0.25, 1.0}) {
      const auto p = make_needle(request(length, depth), count_words);
      ASSERT_TRUE(p) << p.error().message;
      const auto words = words_of(p->prompt);
      const size_t n = words.size();
      EXPECT_EQ(words[n - 1], "?");
      std::map<std::string, std::string> values;
      size_t at = 0;
      for (size_t i = 1; i + 1 < n; ++i) {
        if (words[i] == "=") values[words[i - 1]] = words[i + 1], at = i - 1;
      }
      ASSERT_EQ(values.size(), 1u);
      EXPECT_EQ(values[words[n - 2]], p->answer);
      EXPECT_EQ(p->completion, "<answer> " + p->answer + " </answer>");
      EXPECT_EQ(count_words(p->prompt, p->completion), length);
      EXPECT_NEAR(static_cast<double>(at), depth * static_cast<double>(p->n_units), 1.0);
    }
  }
}

TEST(LongContext, OneOfManyKeysIsAskedFor) {
  LongRequest r = request(256, 0.5);
  r.n_keys = 26;
  const auto p = make_needle(r, count_words);
  ASSERT_TRUE(p);
  const auto words = words_of(p->prompt);
  std::map<std::string, std::string> values;
  for (size_t i = 1; i + 1 < words.size(); ++i) {
    if (words[i] == "=") values[words[i - 1]] = words[i + 1];
  }
  EXPECT_EQ(values.size(), 26u);
  EXPECT_EQ(values[words[words.size() - 2]], p->answer);
}

TEST(LongContext, EnglishNeedlesFillTheirLength) {
  LongRequest r = request(500, 0.5);
  r.style = LongStyle::kEnglish;
  const auto p = make_needle(r, count_letters);
  ASSERT_TRUE(p);
  EXPECT_LE(count_letters(p->prompt, p->completion), 500);
  EXPECT_GE(count_letters(p->prompt, p->completion), 480);  // but for a sentence
  EXPECT_EQ(p->answer.size(), 5u);
  EXPECT_NE(p->prompt.find("is " + p->answer + "."), std::string::npos);
  EXPECT_EQ(p->completion, p->answer);
}

TEST(LongContext, ProgramsFillTheirLengthAndAreRight) {
  for (const int64_t length : {64, 256, 384, 1024, 4096}) {
    const auto p = make_long_program(request(length, 0), count_words);
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_LE(count_words(p->prompt, p->completion), length);
    EXPECT_GT(count_words(p->prompt, p->completion), length - 40);
    const auto words = words_of(p->prompt);
    const size_t width = p->n_units <= 26 ? 1 : 2;
    int value = std::stoi(words[0]);
    std::map<std::string, int> labels;
    size_t at = 1;
    for (; at + width + 1 < words.size(); at += width + 2) {
      std::string name = words[at];
      if (width == 2) name += words[at + 1];
      ++labels[name];
      value = last_digit_of(words[at + width][0], value, std::stoi(words[at + width + 1]));
    }
    EXPECT_EQ(words[at], "?");
    EXPECT_EQ(std::ssize(labels), p->n_units);  // all different
    EXPECT_EQ(std::to_string(value), p->answer);
    EXPECT_NE(p->completion.find(" = " + p->answer + " </think> <answer> " + p->answer),
              std::string::npos);
  }
}

TEST(LongContext, EveryWordIsInTheBuiltInVocabulary) {
  const auto tokenizer = Tokenizer::from_json(last_digit_tokenizer_json(), "tokenizer.json");
  ASSERT_TRUE(tokenizer);
  LongRequest many = request(512, 0.3);
  many.n_keys = 9;
  for (const auto& p : {make_needle(many, count_words), make_long_program(many, count_words)}) {
    ASSERT_TRUE(p);
    const std::string all = p->prompt + " " + p->completion;
    const auto ids = tokenizer->encode(all);
    EXPECT_EQ(ids.size(), words_of(all).size());
    for (const int32_t id : ids) EXPECT_NE(tokenizer->token(id), "<unk>");
  }
}

TEST(LongContext, RowsAreReproducedAndTestIsNotTraining) {
  const auto one = make_needle(request(128, 0.5, 3), count_words);
  const auto again = make_needle(request(128, 0.5, 3), count_words);
  EXPECT_EQ(one->prompt, again->prompt);
  EXPECT_EQ(one->id, "needle/test/0/128/0.5/3");
  LongRequest other = request(128, 0.5, 3);
  other.is_test = false;
  EXPECT_NE(make_needle(other, count_words)->prompt, one->prompt);
  EXPECT_NE(make_needle(request(128, 0.5, 4), count_words)->prompt, one->prompt);
}

TEST(LongContext, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(make_needle(request(8, 0.5), count_words));
  EXPECT_FALSE(make_needle(request(0, 0.5), count_words));
  EXPECT_FALSE(make_needle(request(64, 1.5), count_words));
  EXPECT_FALSE(make_long_program(request(12, 0), count_words));
  LongRequest r = request(64, 0.5);
  r.n_keys = 27;
  EXPECT_FALSE(make_needle(r, count_words));
  r.n_keys = 1;
  r.style = LongStyle::kEnglish;
  EXPECT_FALSE(make_long_program(r, count_words));
}

}  // namespace
}  // namespace r1
