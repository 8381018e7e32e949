// Metadata to tokenizer files.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "models/gguf_config.h"
#include "models/gguf_pretokenizers.h"
#include "models/gguf_tokenizer.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

// tokenizer.ggml.token_type
constexpr int64_t kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5;
constexpr size_t kLongestPiece = 256;  // bytes of a token that merges can make; bounds the work

/// The vocabulary of a GGUF file, its lists of equal length.
struct Vocabulary {
  const std::vector<std::string>* tokens = nullptr;
  std::vector<int64_t> types;
  std::string model, pre;

  bool is_padding(size_t id) const {
    return types[id] == kUnused || (*tokens)[id] == fmt::format("[PAD{}]", id);
  }
  bool is_added(size_t id) const {
    return types[id] == kControl || types[id] == kUserDefined || types[id] == kUnknown;
  }
};

Result<Vocabulary> read_vocabulary(const GgufMetadata& metadata) {
  Vocabulary vocabulary;
  vocabulary.tokens = metadata.texts("tokenizer.ggml.tokens");
  if (vocabulary.tokens == nullptr) return fail("key 'tokenizer.ggml.tokens' is missing");
  const auto* types = metadata.integers("tokenizer.ggml.token_type");
  vocabulary.types = types ? *types : std::vector<int64_t>(vocabulary.tokens->size(), 1);
  if (vocabulary.types.size() != vocabulary.tokens->size()) {
    return fail("key 'tokenizer.ggml.token_type' has {} items for {} tokens; download again",
                vocabulary.types.size(), vocabulary.tokens->size());
  }
  const std::string* model = metadata.text("tokenizer.ggml.model");
  const std::string* pre = metadata.text("tokenizer.ggml.pre");
  vocabulary.model = model ? *model : "";
  vocabulary.pre = pre ? *pre : "";
  return vocabulary;
}

Json added_token(size_t id, const std::string& content, bool is_special) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", is_special}};
}

Json added_tokens(const Vocabulary& vocabulary) {
  Json added = Json::array();
  for (size_t id = 0; id < vocabulary.tokens->size(); ++id) {
    const std::string& token = (*vocabulary.tokens)[id];
    if (vocabulary.is_padding(id) || !vocabulary.is_added(id) || token.empty()) continue;
    added.push_back(added_token(id, token, vocabulary.types[id] != kUserDefined));
  }
  return added;
}

/// Tokens that text can be made of. SentencePiece's also holds the added ones, as its files do.
Result<Json> vocab_object(const Vocabulary& vocabulary, bool with_added) {
  Json::object_t vocab;
  std::unordered_set<std::string_view> seen;
  for (size_t id = 0; id < vocabulary.tokens->size(); ++id) {
    const std::string& token = (*vocabulary.tokens)[id];
    if (token.empty() || vocabulary.is_padding(id)) continue;
    if (vocabulary.is_added(id) && !with_added) continue;
    if (!seen.insert(token).second) {
      return fail("key 'tokenizer.ggml.tokens': token {} is there twice; download again", id);
    }
    vocab.emplace_back(token, id);
  }
  return Json(std::move(vocab));
}

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

Json pre_tokenizer(const GgufPreTokenizer& pre) {
  Json steps = Json::array();
  const bool ends_in_gpt2 = pre.regexes.back() == kGpt2Regex;
  for (const std::string& regex : pre.regexes) {
    if (regex == kGpt2Regex) continue;
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", regex}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  }
  steps.push_back(byte_level(ends_in_gpt2));
  if (steps.size() == 1) return steps[0];
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

Result<Json> byte_level_tokenizer(const GgufMetadata& metadata, const Vocabulary& vocabulary) {
  const GgufPreTokenizer* pre = find_gguf_pre_tokenizer(vocabulary.pre);
  if (pre == nullptr) {
    return fail(
        "key 'tokenizer.ggml.pre': '{}' is not known (known: {}); put the model's {} and "
        "weights into a Hugging Face folder instead",
        vocabulary.pre, known_gguf_pre_tokenizers(), "tokenizer.json");
  }
  const auto* merges = metadata.texts("tokenizer.ggml.merges");
  if (merges == nullptr) return fail("key 'tokenizer.ggml.merges' is missing; download again");
  R1_TRY(Json vocab, vocab_object(vocabulary, false));
  Json tokenizer = {{"version", "1.0"},
                    {"truncation", nullptr},
                    {"padding", nullptr},
                    {"added_tokens", added_tokens(vocabulary)},
                    {"normalizer", pre->is_nfc ? Json{{"type", "NFC"}} : Json()},
                    {"pre_tokenizer", pre_tokenizer(*pre)},
                    {"post_processor", byte_level(false)},
                    {"decoder", byte_level(true)}};
  tokenizer["model"] = {{"type", "BPE"},
                        {"dropout", nullptr},
                        {"unk_token", nullptr},
                        {"continuing_subword_prefix", nullptr},
                        {"end_of_word_suffix", nullptr},
                        {"fuse_unk", false},
                        {"byte_fallback", false},
                        {"ignore_merges", pre->ignore_merges},
                        {"vocab", std::move(vocab)},
                        {"merges", *merges}};
  return tokenizer;
}

bool starts_character(char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }

/// SentencePiece joins the two neighbours whose union scores best; as a list of merges: every way
/// to cut a token into two, the best token first.
Json merges_of_scores(const Vocabulary& vocabulary, const std::vector<double>& scores) {
  struct Merge {
    double score;
    int64_t left, right;
    std::string text;
  };
  std::unordered_map<std::string_view, int64_t> ids;
  const auto& tokens = *vocabulary.tokens;
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (!vocabulary.is_padding(id)) ids.emplace(tokens[id], id);
  }
  std::vector<Merge> merges;
  for (size_t id = 0; id < tokens.size(); ++id) {
    const std::string_view token = tokens[id];
    if (vocabulary.is_padding(id) || vocabulary.is_added(id) || token.size() > kLongestPiece) {
      continue;
    }
    for (size_t cut = 1; cut < token.size(); ++cut) {
      if (!starts_character(token[cut])) continue;
      const auto left = ids.find(token.substr(0, cut)), right = ids.find(token.substr(cut));
      if (left == ids.end() || right == ids.end()) continue;
      merges.push_back({scores[id], left->second, right->second,
                        fmt::format("{} {}", token.substr(0, cut), token.substr(cut))});
    }
  }
  std::ranges::sort(merges, [](const Merge& a, const Merge& b) {
    return std::tuple(-a.score, a.left, a.right) < std::tuple(-b.score, b.left, b.right);
  });
  Json list = Json::array();
  for (const Merge& merge : merges) list.push_back(merge.text);
  return list;
}

/// Llama 2's: BPE over characters, ▁ for a space, bytes for what has no token.
Result<Json> sentencepiece_tokenizer(const GgufMetadata& metadata, const Vocabulary& vocabulary) {
  const auto* scores = metadata.numbers("tokenizer.ggml.scores");
  if (scores == nullptr || scores->size() != vocabulary.tokens->size()) {
    return fail("key 'tokenizer.ggml.scores' does not have a number for each token");
  }
  const auto is_nan = [](double x) { return x != x; };
  if (std::ranges::any_of(*scores, is_nan)) {
    return fail("key 'tokenizer.ggml.scores' holds what is not a number; download again");
  }
  const bool has_prefix = metadata.flag("tokenizer.ggml.add_space_prefix").value_or(true);
  const auto unknown = metadata.integer("tokenizer.ggml.unknown_token_id").value_or(0);
  const bool is_token = unknown >= 0 && unknown < static_cast<int64_t>(scores->size());
  R1_TRY(Json vocab, vocab_object(vocabulary, true));
  Json normalizers = Json::array(), decoders = Json::array();
  if (has_prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", "▁"}});
  normalizers.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}});
  decoders.push_back({{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}});
  decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (has_prefix) {
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  Json tokenizer = {{"version", "1.0"},
                    {"truncation", nullptr},
                    {"padding", nullptr},
                    {"added_tokens", added_tokens(vocabulary)},
                    {"normalizer", {{"type", "Sequence"}, {"normalizers", normalizers}}},
                    {"pre_tokenizer", nullptr},
                    {"post_processor", nullptr},
                    {"decoder", {{"type", "Sequence"}, {"decoders", decoders}}}};
  tokenizer["model"] = {{"type", "BPE"},
                        {"dropout", nullptr},
                        {"unk_token", is_token ? Json((*vocabulary.tokens)[unknown]) : Json()},
                        {"continuing_subword_prefix", nullptr},
                        {"end_of_word_suffix", nullptr},
                        {"fuse_unk", true},
                        {"byte_fallback", true},
                        {"ignore_merges", false},
                        {"vocab", std::move(vocab)},
                        {"merges", merges_of_scores(vocabulary, *scores)}};
  return tokenizer;
}

/// The text of the token that `key` names; empty when there is none.
std::string token_of(const GgufMetadata& metadata, const char* key) {
  const auto id = metadata.integer(key);
  const auto* tokens = metadata.texts("tokenizer.ggml.tokens");
  const bool is_token = id && tokens && *id >= 0 && *id < static_cast<int64_t>(tokens->size());
  return is_token ? (*tokens)[*id] : "";
}

bool adds_bos(const GgufMetadata& metadata) {
  const std::string* model = metadata.text("tokenizer.ggml.model");
  const bool usual = model != nullptr && *model == "llama";
  return metadata.flag("tokenizer.ggml.add_bos_token").value_or(usual);
}

/// Puts BOS before every text, in the form that Hugging Face's library obeys.
void add_bos_template(const GgufMetadata& metadata, Json& tokenizer) {
  const std::string bos = token_of(metadata, "tokenizer.ggml.bos_token_id");
  if (!adds_bos(metadata) || bos.empty()) return;
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const Json token = {{"SpecialToken", {{"id", bos}, {"type_id", 0}}}};
  const Json second = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  const Json again = {{"SpecialToken", {{"id", bos}, {"type_id", 1}}}};
  const int64_t id = *metadata.integer("tokenizer.ggml.bos_token_id");
  tokenizer["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {token, text}},
      {"pair", {token, text, again, second}},
      {"special_tokens",
       {{bos, {{"id", bos}, {"ids", Json::array({id})}, {"tokens", Json::array({bos})}}}}}};
}

std::string tokenizer_config(const GgufMetadata& metadata) {
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                 {"add_bos_token", adds_bos(metadata)},
                 {"clean_up_tokenization_spaces", false}};
  constexpr std::pair<const char*, const char*> kTokens[] = {
      {"bos_token", "tokenizer.ggml.bos_token_id"},
      {"eos_token", "tokenizer.ggml.eos_token_id"},
      {"pad_token", "tokenizer.ggml.padding_token_id"},
      {"unk_token", "tokenizer.ggml.unknown_token_id"}};
  for (const auto& [name, key] : kTokens) {
    const std::string token = token_of(metadata, key);
    if (!token.empty()) config[name] = token;
  }
  const std::string* architecture = metadata.text("general.architecture");
  if (architecture != nullptr) {
    const auto length = metadata.integer(*architecture + ".context_length");
    if (length) config["model_max_length"] = *length;
  }
  const std::string* chat_template = metadata.text("tokenizer.chat_template");
  if (chat_template != nullptr) config["chat_template"] = *chat_template;
  return config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string generation_config(const GgufMetadata& metadata) {
  Json config = Json::object();
  const auto bos = metadata.integer("tokenizer.ggml.bos_token_id");
  const auto pad = metadata.integer("tokenizer.ggml.padding_token_id");
  if (bos) config["bos_token_id"] = *bos;
  std::vector<int64_t> ends;
  for (const char* key : {"eos", "eot", "eom"}) {
    const auto id = metadata.integer(fmt::format("tokenizer.ggml.{}_token_id", key));
    if (id && std::ranges::find(ends, *id) == ends.end()) ends.push_back(*id);
  }
  if (ends.size() == 1) config["eos_token_id"] = ends[0];
  if (ends.size() > 1) config["eos_token_id"] = ends;
  if (pad) config["pad_token_id"] = *pad;
  return config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<std::string> tokenizer_json_of_gguf(const GgufMetadata& metadata) {
  R1_TRY(const Vocabulary vocabulary, read_vocabulary(metadata));
  Json tokenizer;
  if (vocabulary.model == "gpt2") {
    R1_TRY(tokenizer, byte_level_tokenizer(metadata, vocabulary));
  } else if (vocabulary.model == "llama") {
    R1_TRY(tokenizer, sentencepiece_tokenizer(metadata, vocabulary));
  } else {
    return fail("key 'tokenizer.ggml.model': '{}' is not supported; known: gpt2, llama",
                vocabulary.model);
  }
  add_bos_template(metadata, tokenizer);
  // Tokens may be broken UTF-8 in a damaged file.
  return tokenizer.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<void> add_tokenizer_assets(const GgufMetadata& metadata, ModelAssets& assets) {
  assets["generation_config.json"] = generation_config(metadata);
  const std::string* whole = metadata.text("tokenizer.huggingface.json");
  const std::string* model = metadata.text("tokenizer.ggml.model");
  const bool has_none = model == nullptr || *model == "none" || *model == "no_vocab";
  if (whole == nullptr && has_none) return {};
  if (whole != nullptr) {
    assets["tokenizer.json"] = *whole;
  } else {
    R1_TRY(assets["tokenizer.json"], tokenizer_json_of_gguf(metadata));
  }
  assets["tokenizer_config.json"] = tokenizer_config(metadata);
  return {};
}

}  // namespace r1
