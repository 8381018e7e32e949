#include "text/bpe_trainer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/scratch.h"
#include "text/bpe_merges.h"
#include "text/text_chunks.h"
#include "text/tokenizer.h"

namespace r1 {
namespace {

using Ids = std::vector<int32_t>;

std::vector<std::string> letters(const char* text) {
  std::vector<std::string> tokens;
  for (; *text; ++text) tokens.emplace_back(1, *text);
  return tokens;
}

/// Merges as text, "a+b", in order.
std::vector<std::string> learn(std::vector<CountedWord> words, const char* alphabet,
                               int64_t n_merges, int64_t min_frequency = 1) {
  std::vector<std::string> tokens = letters(alphabet), texts;
  const auto n = static_cast<int64_t>(tokens.size());
  for (const auto& merge : learn_merges(words, tokens, n + n_merges, min_frequency, {})) {
    texts.push_back(tokens[merge.left] + "+" + tokens[merge.right]);
  }
  return texts;
}

TEST(BpeMerges, MostFrequentPairFirstAndOfEqualsTheSmallerIds) {
  // abc 3 times, ad 2 times: ab 3, bc 3, ad 2.
  EXPECT_EQ(learn({{{0, 1, 2}, 3}, {{0, 3}, 2}}, "abcd", 3),
            (std::vector<std::string>{"a+b", "ab+c", "a+d"}));
  EXPECT_EQ(learn({{{0, 1, 2}, 3}, {{0, 3}, 2}}, "abcd", 9, 3),
            (std::vector<std::string>{"a+b", "ab+c"}));
}

TEST(BpeMerges, RunsMergeFromTheLeft) {
  // aaaaa: aa aa a; then aaaa a.
  EXPECT_EQ(learn({{{0, 0, 0, 0, 0}, 1}}, "a", 9),
            (std::vector<std::string>{"a+a", "aa+a", "aa+aaa"}));
}

TEST(BpeMerges, NothingToMerge) {
  EXPECT_TRUE(learn({}, "a", 5).empty());
  EXPECT_TRUE(learn({{{0}, 9}}, "a", 5).empty());
}

BpeTrainer trainer_for(const BpeTrainerConfig& config) {
  auto made = BpeTrainer::make(config);
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

const char* const kText =
    "low lower lowest new newer newest wide wider widest 2024 2025\n\n"
    "Die Straße führt über die Brücke. 東京は日本の首都です。 low low new\n";

Tokenizer trained(const BpeTrainerConfig& config) {
  BpeTrainer trainer = trainer_for(config);
  for (int i = 0; i < 3; ++i) trainer.add(kText);
  auto made = Tokenizer::from_json(trainer.train(), "tokenizer.json");
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

TEST(BpeTrainer, WhatItWritesEncodesAndDecodesItsTextInEveryPattern) {
  for (const char* pattern : {"gpt2", "llama3", "qwen2", "deepseek_v3"}) {
    const Tokenizer tokenizer =
        trained({.vocab_size = 300, .pattern = pattern, .special_tokens = {"<|end|>", "<think>"}});
    EXPECT_EQ(tokenizer.vocab_size(), 300) << pattern;
    const Ids ids = tokenizer.encode(kText);
    EXPECT_EQ(tokenizer.decode(ids), kText) << pattern;
    EXPECT_LT(ids.size(), std::string(kText).size() - 40) << pattern;
    const std::string bytes = "\x01 \u00ff \U0001F600 unseen";
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(bytes)), bytes) << pattern;
    EXPECT_EQ(tokenizer.encode("low<|end|>").back(), 0) << pattern;
    EXPECT_EQ(tokenizer.encode("<think>"), Ids{1}) << pattern;
    EXPECT_NE(tokenizer.encode("<|end|>", {.parse_special = false}).back(), 0) << pattern;
  }
}

TEST(BpeTrainer, SpecialTokensThenBytesThenMerges) {
  BpeTrainer trainer = trainer_for({.vocab_size = 259, .special_tokens = {"<|end|>"}});
  trainer.add("lo lo lo");
  const auto json = nlohmann::json::parse(trainer.train());
  const auto& vocab = json["model"]["vocab"];
  EXPECT_EQ(vocab.size(), 259u);
  EXPECT_EQ(vocab["<|end|>"], 0);
  EXPECT_EQ(vocab["!"], 1);    // the first of the printable bytes
  EXPECT_EQ(vocab["Ā"], 189);  // byte 0, the first of those that are shown as another character
  EXPECT_EQ(json["model"]["merges"].dump(), R"([["l","o"],["Ġ","lo"]])");
}

TEST(BpeTrainer, SameTextSameBytes) {
  const auto run = [] {
    BpeTrainer trainer = trainer_for({.vocab_size = 320});
    trainer.add(kText);
    return trainer.train();
  };
  EXPECT_EQ(run(), run());
}

TEST(BpeTrainer, HostileTextIsLearnedFromToo) {
  BpeTrainer trainer = trainer_for({.vocab_size = 300});
  trainer.add("");
  trainer.add("\xff\xfe broken \xc3");
  trainer.add(std::string(300000, 'x'));  // a word without end
  EXPECT_TRUE(Tokenizer::from_json(trainer.train(), "tokenizer.json"));
}

TEST(BpeTrainer, RefusesByName) {
  const auto error = [](const BpeTrainerConfig& config) {
    const auto made = BpeTrainer::make(config);
    return made ? "" : made.error().message;
  };
  EXPECT_NE(error({.pattern = "gpt5"}).find("deepseek_v3"), std::string::npos);
  EXPECT_NE(error({.vocab_size = 256}).find("257"), std::string::npos);
  EXPECT_NE(error({.special_tokens = {"<a>", "<a>"}}).find("<a>"), std::string::npos);
}

TEST(TextChunks, AFileInChunksGivesTheIdsOfTheWhole) {
  const Scratch scratch;
  std::string text;
  while (text.size() < (5 << 19)) text += kText + std::to_string(text.size()) + "<|end|> and on ";
  const std::string file = (scratch / "text").string();
  ASSERT_TRUE(write_text_atomic(file, text));
  const Tokenizer tokenizer = trained({.vocab_size = 300, .special_tokens = {"<|end|>"}});
  Ids ids;
  int n_chunks = 0;
  ASSERT_TRUE(encode_file(tokenizer, file, {}, [&](const Ids& part) {
    ids.insert(ids.end(), part.begin(), part.end());
    n_chunks += !part.empty();
  }));
  EXPECT_GE(n_chunks, 3);
  EXPECT_EQ(ids, tokenizer.encode(text));
}

TEST(TextChunks, LinesKeepTheirBreaksAndTheLastNeedsNone) {
  const Scratch scratch;
  const std::string file = (scratch / "text").string();
  const std::string longer(3 << 19, 'x');
  ASSERT_TRUE(write_text_atomic(file, "a\n\n" + longer + "\r\nend"));
  std::vector<std::string> lines;
  ASSERT_TRUE(for_each_line(file, [&](std::string_view line) -> Result<void> {
    lines.emplace_back(line);
    return {};
  }));
  EXPECT_EQ(lines, (std::vector<std::string>{"a\n", "\n", longer + "\r\n", "end"}));
  EXPECT_FALSE(read_all((scratch / "none").string()));
}

}  // namespace
}  // namespace r1
