#include "text/bpe_trainer.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "text/bpe_merges.h"
#include "text/decoder.h"
#include "text/hash_map.h"
#include "text/unicode.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kDeepSeekCjk = "[一-龥぀-ゟ゠-ヿ]+";
constexpr const char* kDeepSeekWords =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

Json splits(const std::vector<const char*>& patterns) {
  Json steps = Json::array();
  for (const char* pattern : patterns) {
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", pattern}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  }
  steps.push_back(byte_level(false));
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

/// normalizer, pre_tokenizer and decoder of the named family.
Result<Json> family_parts(const std::string& pattern) {
  const std::map<std::string, Json> pre_tokenizers = {
      {"gpt2", byte_level(true)},
      {"llama3", splits({kLlama3})},
      {"qwen2", splits({kQwen2})},
      {"deepseek_v3", splits({R"(\p{N}{1,3})", kDeepSeekCjk, kDeepSeekWords})}};
  const auto found = pre_tokenizers.find(pattern);
  if (found == pre_tokenizers.end()) {
    return fail("pattern '{}' is not known; use gpt2, llama3, qwen2 or deepseek_v3", pattern);
  }
  const Json nfc = {{"type", "NFC"}};
  return Json{{"normalizer", pattern == "qwen2" ? nfc : Json()},
              {"pre_tokenizer", found->second},
              {"decoder", byte_level(true)}};
}

/// The characters that stand for bytes 0 to 255, as UTF-8.
std::vector<std::string> byte_characters() {
  std::vector<std::string> characters(256);
  std::string bytes;
  for (char32_t c = 0; c < 324; ++c) {
    std::string text;
    append_code_point(text, c);
    if (byte_level_to_bytes(text, bytes)) characters[static_cast<unsigned char>(bytes[0])] = text;
  }
  return characters;
}

Result<void> check(const BpeTrainerConfig& config) {
  const auto n_fixed = static_cast<int64_t>(config.special_tokens.size()) + 256;
  if (config.vocab_size < n_fixed || config.vocab_size > 1 << 24) {
    return fail("vocab_size is {}; it must be {} (special tokens and bytes) to {}",
                config.vocab_size, n_fixed, 1 << 24);
  }
  std::set<std::string> seen;
  for (const std::string& token : config.special_tokens) {
    if (token.size() < 2 || !is_utf8(token) || !seen.insert(token).second) {
      return fail("special token '{}': each must be valid, longer than one byte, and come once",
                  token);
    }
  }
  return {};
}

/// Bytes as Hugging Face numbers them: by the character that stands for each.
std::vector<int> bytes_in_order(const std::vector<std::string>& characters) {
  std::vector<int> order(256);
  for (int b = 0; b < 256; ++b) order[b] = b;
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    size_t at_a = 0, at_b = 0;
    return next_code_point(characters[a], at_a) < next_code_point(characters[b], at_b);
  });
  return order;
}

}  // namespace

size_t BpeTrainer::Hash::operator()(std::string_view text) const { return hash_bytes(text); }

Result<BpeTrainer> BpeTrainer::make(const BpeTrainerConfig& config) {
  R1_RETURN_IF_ERROR(check(config));
  R1_TRY(const Json parts, family_parts(config.pattern));
  BpeTrainer trainer;
  trainer.config_ = config;
  trainer.parts_json_ = parts.dump();
  const auto plain = nlohmann::json::parse(trainer.parts_json_);
  const JsonNode node(plain, "pattern " + config.pattern);
  R1_TRY(trainer.normalizer_, Normalizer::from_json(node.at("normalizer")));
  R1_TRY(trainer.pre_tokenizer_, PreTokenizer::from_json(node.at("pre_tokenizer")));
  return trainer;
}

void BpeTrainer::add(std::string_view text) {
  pieces_.text = is_utf8(text) ? std::string(text) : to_utf8(text);
  normalizer_.apply(pieces_.text, *regex_);
  pre_tokenizer_.apply(true, pieces_, *regex_);
  for (const TextSpan span : pieces_.pieces) {
    for (size_t at = span.begin; at < span.end; at += kMaxWordBytes) {
      count_word(std::string_view(pieces_.text).substr(at, std::min(span.end - at, kMaxWordBytes)));
    }
  }
}

void BpeTrainer::count_word(std::string_view word) {
  if (const auto found = counts_.find(word); found != counts_.end()) {
    ++found->second;
    return;
  }
  if (counts_.size() >= kMaxWords) forget_rarest();
  counts_.emplace(word, 1);
}

void BpeTrainer::forget_rarest() {
  ++forgotten_;
  std::erase_if(counts_, [&](const auto& word) { return word.second <= forgotten_; });
}

std::string BpeTrainer::train(const std::function<void(int64_t, int64_t)>& on_progress) {
  const std::vector<std::string> characters = byte_characters();
  std::vector<std::string> tokens = config_.special_tokens;  // then bytes, then merges
  std::vector<int32_t> byte_ids(256);
  for (const int byte : bytes_in_order(characters)) {
    byte_ids[byte] = static_cast<int32_t>(tokens.size());
    tokens.push_back(characters[byte]);
  }
  std::vector<std::pair<std::string, int64_t>> sorted(counts_.begin(), counts_.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<CountedWord> words;
  for (const auto& [bytes, count] : sorted) {
    CountedWord& word = words.emplace_back(CountedWord{{}, count});
    for (const char c : bytes) word.ids.push_back(byte_ids[static_cast<unsigned char>(c)]);
  }
  sorted = {};
  const auto merges = learn_merges(std::move(words), tokens, config_.vocab_size,
                                   config_.min_frequency, on_progress);

  Json added = Json::array(), vocab = Json::object(), list = Json::array();
  for (size_t id = 0; id < config_.special_tokens.size(); ++id) {
    added.push_back({{"id", id},
                     {"content", tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  auto& entries = vocab.get_ref<Json::object_t&>();  // all different: no search for each
  for (size_t id = 0; id < tokens.size(); ++id) entries.emplace_back(tokens[id], id);
  for (const LearnedMerge& merge : merges)
    list.push_back({tokens[merge.left], tokens[merge.right]});
  const Json parts = Json::parse(parts_json_);
  const Json document = {{"version", "1.0"},
                         {"truncation", nullptr},
                         {"padding", nullptr},
                         {"added_tokens", added},
                         {"normalizer", parts["normalizer"]},
                         {"pre_tokenizer", parts["pre_tokenizer"]},
                         {"post_processor", nullptr},
                         {"decoder", parts["decoder"]},
                         {"model",
                          {{"type", "BPE"},
                           {"dropout", nullptr},
                           {"unk_token", nullptr},
                           {"continuing_subword_prefix", nullptr},
                           {"end_of_word_suffix", nullptr},
                           {"fuse_unk", false},
                           {"byte_fallback", false},
                           {"ignore_merges", false},
                           {"vocab", vocab},
                           {"merges", list}}}};
  return document.dump(2) + "\n";
}

}  // namespace r1
