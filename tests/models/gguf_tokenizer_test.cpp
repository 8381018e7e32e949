// Vocabularies to metadata and back, and the names of pre-tokenizers.
#include "models/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/gguf_pretokenizers.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

Json split(const std::string& regex) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", regex}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

Json added(int id, const char* content, bool special) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

Json byte_level_tokenizer(const GgufPreTokenizer& pre) {
  Json steps = Json::array();
  for (const std::string& regex : pre.regexes) steps.push_back(split(regex));
  steps.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}});
  return {{"added_tokens", {added(3, "<|end|>", true), added(4, "<think>", false)}},
          {"normalizer", pre.is_nfc ? Json{{"type", "NFC"}} : Json()},
          {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", steps}}},
          {"model",
           {{"type", "BPE"},
            {"ignore_merges", pre.ignore_merges},
            {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}}},
            {"merges", {"a b"}}}}};
}

ModelAssets assets_of(const Json& tokenizer) {
  return {{"tokenizer.json", tokenizer.dump()},
          {"tokenizer_config.json",
           R"({"eos_token": {"content": "<|end|>"}, "chat_template": "{{ x }}"})"},
          {"generation_config.json", R"({"eos_token_id": [4, 3]})"}};
}

TEST(GgufTokenizer, EveryKnownPreTokenizerIsFoundAndComesBack) {
  for (const GgufPreTokenizer& pre : gguf_pre_tokenizers()) {
    GgufMetadata m;
    ASSERT_TRUE(add_tokenizer_metadata(assets_of(byte_level_tokenizer(pre)), 7, m));
    EXPECT_EQ(*m.text("tokenizer.ggml.pre"), pre.names[0]);
    EXPECT_EQ(m.find("tokenizer.huggingface.json"), nullptr) << pre.names[0];
    ModelAssets assets;
    ASSERT_TRUE(add_tokenizer_assets(m, assets));
    const Json back = Json::parse(assets.at("tokenizer.json"));
    EXPECT_EQ(back["model"]["vocab"], (Json{{"a", 0}, {"b", 1}, {"ab", 2}}));
    EXPECT_EQ(back["model"]["ignore_merges"], pre.ignore_merges);
    EXPECT_EQ(back["added_tokens"].size(), 2u);
    GgufMetadata again;
    ASSERT_TRUE(add_tokenizer_metadata(assets, 7, again));
    EXPECT_EQ(*again.text("tokenizer.ggml.pre"), pre.names[0]);
  }
}

TEST(GgufTokenizer, KeysOfAVocabulary) {
  GgufMetadata m;
  const auto& qwen2 = *find_gguf_pre_tokenizer("deepseek-r1-qwen");
  ASSERT_TRUE(add_tokenizer_metadata(assets_of(byte_level_tokenizer(qwen2)), 7, m));
  EXPECT_EQ(*m.texts("tokenizer.ggml.tokens"),
            (std::vector<std::string>{"a", "b", "ab", "<|end|>", "<think>", "[PAD5]", "[PAD6]"}));
  EXPECT_EQ(*m.integers("tokenizer.ggml.token_type"), (std::vector<int64_t>{1, 1, 1, 3, 4, 5, 5}));
  EXPECT_EQ(m.integer("tokenizer.ggml.eos_token_id"), 3);
  EXPECT_EQ(m.integer("tokenizer.ggml.eot_token_id"), 4);
  EXPECT_EQ(*m.text("tokenizer.chat_template"), "{{ x }}");
  ModelAssets assets;
  ASSERT_TRUE(add_tokenizer_assets(m, assets));
  EXPECT_EQ(Json::parse(assets.at("generation_config.json"))["eos_token_id"], (Json{3, 4}));
  EXPECT_EQ(Json::parse(assets.at("tokenizer_config.json"))["eos_token"], "<|end|>");
}

TEST(GgufTokenizer, WhatTheKeysCannotSayIsStoredWhole) {
  const auto& gpt2 = *find_gguf_pre_tokenizer("gpt-2");
  Json odd_regex = byte_level_tokenizer(gpt2), stripping = byte_level_tokenizer(gpt2);
  odd_regex["pre_tokenizer"]["pretokenizers"][0] = split("x+");
  stripping["added_tokens"][0]["lstrip"] = true;
  const Json words = {{"model", {{"type", "WordLevel"}, {"vocab", {{"a", 0}}}}}};
  for (const Json& tokenizer : {odd_regex, stripping, words}) {
    GgufMetadata m;
    ASSERT_TRUE(add_tokenizer_metadata(assets_of(tokenizer), 7, m));
    ModelAssets assets;
    ASSERT_TRUE(add_tokenizer_assets(m, assets));
    EXPECT_EQ(assets.at("tokenizer.json"), tokenizer.dump());
  }
}

/// A SentencePiece vocabulary as llama.cpp's converter writes it.
GgufMetadata sentencepiece() {
  GgufMetadata m;
  m.set("tokenizer.ggml.model", GgufValue::text("llama"));
  m.set("tokenizer.ggml.tokens", GgufValue::texts({"<unk>", "<s>", "</s>", "<0x0A>", "▁a", "bc",
                                                   "▁", "a", "b", "c", "▁abc"}));
  m.set("tokenizer.ggml.token_type", GgufValue::i32s({2, 3, 3, 6, 1, 1, 1, 1, 1, 1, 1}));
  m.set("tokenizer.ggml.scores", GgufValue::f32s({0, 0, 0, 0, -1, -2, -9, -9, -9, -9, -3}));
  m.set("tokenizer.ggml.bos_token_id", GgufValue::u32(1));
  m.set("tokenizer.ggml.unknown_token_id", GgufValue::u32(0));
  return m;
}

TEST(GgufTokenizer, SentencePieceScoresBecomeMerges) {
  const auto text = tokenizer_json_of_gguf(sentencepiece());
  ASSERT_TRUE(text) << text.error().message;
  const Json tokenizer = Json::parse(*text);
  EXPECT_EQ(tokenizer["model"]["merges"], (Json{"▁ a", "b c", "▁a bc"}));
  EXPECT_EQ(tokenizer["model"]["byte_fallback"], true);
  EXPECT_EQ(tokenizer["post_processor"]["single"][0]["SpecialToken"]["id"], "<s>");
  EXPECT_EQ(tokenizer["normalizer"]["normalizers"][0]["type"], "Prepend");
}

TEST(GgufTokenizer, SentencePieceComesBackFromItsTokenizerJson) {
  ModelAssets assets;
  ASSERT_TRUE(add_tokenizer_assets(sentencepiece(), assets));
  GgufMetadata m;
  ASSERT_TRUE(add_tokenizer_metadata(assets, 11, m));
  EXPECT_EQ(*m.text("tokenizer.ggml.model"), "llama");
  EXPECT_EQ(*m.texts("tokenizer.ggml.tokens"), *sentencepiece().texts("tokenizer.ggml.tokens"));
  EXPECT_EQ(*m.integers("tokenizer.ggml.token_type"),
            *sentencepiece().integers("tokenizer.ggml.token_type"));
  EXPECT_EQ(m.find("tokenizer.huggingface.json"), nullptr);
  EXPECT_EQ(*tokenizer_json_of_gguf(m), assets.at("tokenizer.json"));
}

TEST(GgufTokenizer, DamagedVocabulariesAreRefusedByKey) {
  const auto refuse = [](const char* key, GgufValue value, const char* part) {
    GgufMetadata m = sentencepiece();
    m.set(key, std::move(value));
    const auto text = tokenizer_json_of_gguf(m);
    ASSERT_FALSE(text) << key;
    EXPECT_NE(text.error().message.find(part), std::string::npos) << text.error().message;
  };
  refuse("tokenizer.ggml.token_type", GgufValue::i32s({1}), "token_type");
  refuse("tokenizer.ggml.scores", GgufValue::f32s({1}), "scores");
  refuse("tokenizer.ggml.scores", GgufValue::f32s(std::vector<double>(11, NAN)), "scores");
  refuse("tokenizer.ggml.tokens", GgufValue::texts(std::vector<std::string>(11, "same")), "twice");
  refuse("tokenizer.ggml.model", GgufValue::text("bert"), "bert");
  refuse("tokenizer.ggml.model", GgufValue::text("gpt2"), "tokenizer.ggml.pre");
}

TEST(GgufTokenizer, AFileWithoutVocabularyGivesNoTokenizer) {
  GgufMetadata m;
  m.set("tokenizer.ggml.model", GgufValue::text("none"));
  ModelAssets assets;
  ASSERT_TRUE(add_tokenizer_assets(m, assets));
  EXPECT_FALSE(assets.contains("tokenizer.json"));
}

}  // namespace
}  // namespace r1
