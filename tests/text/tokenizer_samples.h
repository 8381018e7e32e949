// Small tokenizer.json texts whose ids can be worked out by hand, and the published regexes.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace r1::samples {

using Json = nlohmann::ordered_json;

inline constexpr const char* kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr const char* kQwenPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline const std::vector<std::string> kDeepSeekV3Patterns = {
    R"(\p{N}{1,3})", R"([一-龥぀-ゟ゠-ヿ]+)",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};

inline Json split(const std::string& regex) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", regex}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

inline Json byte_level(bool use_regex = false) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

inline Json sequence_of_splits(const std::vector<std::string>& regexes) {
  Json steps = Json::array();
  for (const auto& regex : regexes) steps.push_back(split(regex));
  steps.push_back(byte_level());
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

inline Json added(int id, const std::string& content, bool special = true) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

/// The character that stands for a byte in a byte-level vocabulary, as UTF-8.
inline std::string byte_character(int wanted) {
  int next = 256, code = 0;
  for (int b = 0; b <= wanted; ++b) {
    const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    code = printable ? b : next++;
  }
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

/// Byte-level BPE: id b is byte b; then the results of the merges in order.
/// 256 "he" 257 "ll" 258 "hell" 259 "hello" 260 " w" 261 " wo"; 300 <|s|> and 301 <|e|> special,
/// 302 <think> not special.
inline Json byte_level_bpe() {
  Json vocab = Json::object();
  for (int b = 0; b < 256; ++b) vocab[byte_character(b)] = b;
  const std::vector<std::pair<std::string, std::string>> merges = {
      {"h", "e"}, {"l", "l"}, {"he", "ll"}, {"hell", "o"}, {"Ġ", "w"}, {"Ġw", "o"}};
  Json list = Json::array();
  for (const auto& [left, right] : merges) {
    vocab[left + right] = static_cast<int>(vocab.size());
    list.push_back(left + " " + right);
  }
  return {{"version", "1.0"},
          {"added_tokens",
           Json::array({added(300, "<|s|>"), added(301, "<|e|>"), added(302, "<think>", false)})},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer", sequence_of_splits({kQwenPattern})},
          {"post_processor", byte_level()},
          {"decoder", byte_level()},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", list}}}};
}

/// Llama 2: 0 <unk> 1 <s> 2 </s>, 3 + b is byte b, 259 "▁" 260 "a" 261 "b" 262 "c" 263 "▁a" 264
/// "bc" 265 "▁abc"; BOS by template.
inline Json byte_fallback_bpe() {
  Json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  for (int b = 0; b < 256; ++b) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", b);
    vocab[name] = 3 + b;
  }
  for (const char* token : {"▁", "a", "b", "c", "▁a", "bc", "▁abc"}) {
    vocab[token] = static_cast<int>(vocab.size());
  }
  Json json = Json::parse(R"({
      "normalizer": {"type": "Sequence", "normalizers": [
          {"type": "Prepend", "prepend": "▁"},
          {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
      "pre_tokenizer": null,
      "post_processor": {"type": "TemplateProcessing",
          "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                     {"Sequence": {"id": "A", "type_id": 0}}],
          "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
      "decoder": {"type": "Sequence", "decoders": [
          {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
          {"type": "ByteFallback"}, {"type": "Fuse"},
          {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
      "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
                "merges": [["▁", "a"], ["b", "c"], ["▁a", "bc"]]}})");
  json["model"]["vocab"] = vocab;
  json["added_tokens"] = Json::array({added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")});
  return json;
}

/// 0 <unk> 1 <s> 2 </s> 3 two 4 plus 5 three
inline Json word_level() {
  return {{"added_tokens", Json::array({added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")})},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
          {"post_processor", nullptr},
          {"decoder", nullptr},
          {"model",
           {{"type", "WordLevel"},
            {"unk_token", "<unk>"},
            {"vocab",
             {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}, {"two", 3}, {"plus", 4}, {"three", 5}}}}}};
}

}  // namespace r1::samples
