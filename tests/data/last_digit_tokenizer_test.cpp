#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "data/last_digit.h"
#include "text/tokenizer.h"

namespace r1 {
namespace {

TEST(LastDigitTokenizer, HasTheWordsOfTheRecipeInOrder) {
  const auto tokenizer = nlohmann::json::parse(last_digit_tokenizer_json());
  const auto& vocab = tokenizer["model"]["vocab"];
  EXPECT_EQ(vocab.size(), 70u);  // 69 and <unk>
  EXPECT_EQ(vocab["<pad>"], 0);
  EXPECT_EQ(vocab["<eos>"], 2);
  EXPECT_EQ(vocab["</answer>"], 8);
  EXPECT_EQ(vocab["0"], 9);
  EXPECT_EQ(vocab["a"], 25);
  EXPECT_EQ(vocab["so"], 51);
  EXPECT_EQ(vocab["reponse"], 68);
  EXPECT_EQ(vocab["<unk>"], 69);
  std::set<int> ids;
  for (const auto& id : vocab) ids.insert(id.get<int>());
  EXPECT_EQ(ids.size(), 70u);
  EXPECT_EQ(tokenizer["model"]["type"], "WordLevel");
  EXPECT_EQ(tokenizer["model"]["unk_token"], "<unk>");
  EXPECT_EQ(tokenizer["pre_tokenizer"]["type"], "WhitespaceSplit");
}

TEST(LastDigitTokenizer, TagsArePlainAndControlTokensSpecial) {
  const auto tokenizer = nlohmann::json::parse(last_digit_tokenizer_json());
  for (const auto& token : tokenizer["added_tokens"]) {
    const std::string content = token["content"];
    const bool is_tag =
        content.find("think") != content.npos || content.find("answer") != content.npos;
    EXPECT_EQ(token["special"], !is_tag) << content;
    EXPECT_EQ(tokenizer["model"]["vocab"][content], token["id"]);
  }
}

TEST(LastDigitTokenizer, KnowsEveryWordOfTheCorpus) {
  const auto vocab = nlohmann::json::parse(last_digit_tokenizer_json())["model"]["vocab"];
  for (int64_t i = 0; i < 1000; ++i) {
    const Document document = last_digit_document(1, i);
    std::istringstream in(document.prompt + " " + document.completion);
    for (std::string word; in >> word;) ASSERT_TRUE(vocab.contains(word)) << word;
  }
}

TEST(LastDigitTokenizer, RoundTripsTheCorpusOneTokenAWord) {
  const auto tokenizer = Tokenizer::from_json(last_digit_tokenizer_json(), "built-in");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->vocab_size(), 70);
  for (int64_t i = 0; i < 300; ++i) {
    const Document document = last_digit_document(1, i);
    const std::string text = document.prompt + " " + document.completion;
    const auto ids = tokenizer->encode(text);
    ASSERT_EQ(static_cast<int64_t>(ids.size()), std::count(text.begin(), text.end(), ' ') + 1);
    ASSERT_EQ(tokenizer->decode(ids, /*skip_special=*/false), text);
    auto halves = tokenizer->encode(document.prompt);
    const auto completion = tokenizer->encode(document.completion);
    halves.insert(halves.end(), completion.begin(), completion.end());
    ASSERT_EQ(halves, ids);
  }
}

TEST(LastDigitTokenizer, ConfigNamesItsTokensAndTemplate) {
  const auto config = nlohmann::json::parse(last_digit_tokenizer_config_json());
  EXPECT_EQ(config["bos_token"], "<bos>");
  EXPECT_EQ(config["eos_token"], "<eos>");
  EXPECT_EQ(config["pad_token"], "<pad>");
  EXPECT_NE(config["chat_template"].get<std::string>().find("add_generation_prompt"),
            std::string::npos);
}

}  // namespace
}  // namespace r1
