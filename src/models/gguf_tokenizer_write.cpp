// Tokenizer files to metadata.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/log.h"
#include "checkpoint/strict_json.h"
#include "models/gguf_pretokenizers.h"
#include "models/gguf_tokenizer.h"

namespace r1 {
namespace {

using nlohmann::json;

// tokenizer.ggml.token_type
constexpr int64_t kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6;
constexpr int64_t kMaxId = (1 << 24) - 1;  // as the tokenizer itself allows

const json kNone;

const json& at(const json& object, const char* key) {
  if (!object.is_object()) return kNone;
  const auto found = object.find(key);
  return found == object.end() ? kNone : *found;
}

bool is_type(const json& node, const char* type) { return at(node, "type") == type; }

Result<json> parse_asset(const ModelAssets& assets, const char* name) {
  const auto found = assets.find(name);
  if (found == assets.end()) return json();
  auto parsed = parse_strict_json(found->second);
  if (!parsed) return fail_with(parsed.error().with(name));
  return parsed;
}

/// The regexes that a pre-tokenizer cuts by, in order; false when it does something else too.
bool list_regexes(const json& node, std::vector<std::string>& regexes) {
  if (is_type(node, "Sequence")) {
    for (const json& member : at(node, "pretokenizers")) {
      if (!list_regexes(member, regexes)) return false;
    }
    return true;
  }
  if (is_type(node, "Split")) {
    const json& regex = at(at(node, "pattern"), "Regex");
    const bool is_plain = regex.is_string() && at(node, "behavior") == "Isolated" &&
                          (at(node, "invert").is_null() || at(node, "invert") == false);
    if (is_plain) regexes.push_back(regex);
    return is_plain;
  }
  if (is_type(node, "Digits") && at(node, "individual_digits") == true) {
    regexes.emplace_back(R"(\p{N})");
    return true;
  }
  if (!is_type(node, "ByteLevel") || at(node, "add_prefix_space") != false) return false;
  if (at(node, "use_regex") != false) regexes.emplace_back(kGpt2Regex);
  return true;
}

bool ends_in_byte_level(const json& node) {
  if (!is_type(node, "Sequence")) return is_type(node, "ByteLevel");
  const json& members = at(node, "pretokenizers");
  return members.is_array() && !members.empty() && ends_in_byte_level(members.back());
}

bool is_nfc(const json& normalizer) {
  if (is_type(normalizer, "NFC")) return true;
  const json& members = at(normalizer, "normalizers");
  return is_type(normalizer, "Sequence") && members.size() == 1 && is_type(members[0], "NFC");
}

bool is_identity(const json& normalizer) {
  return normalizer.is_null() ||
         (is_type(normalizer, "Sequence") && at(normalizer, "normalizers").empty());
}

/// The name of the pre-tokenizer that cuts and normalises in the same way; nullptr: none does.
const GgufPreTokenizer* matching_pre_tokenizer(const json& tokenizer) {
  std::vector<std::string> regexes;
  const json& normalizer = at(tokenizer, "normalizer");
  if (!list_regexes(at(tokenizer, "pre_tokenizer"), regexes)) return nullptr;
  const bool ignore_merges = at(at(tokenizer, "model"), "ignore_merges") == true;
  for (const GgufPreTokenizer& row : gguf_pre_tokenizers()) {
    const bool fits = row.is_nfc ? is_nfc(normalizer) : is_identity(normalizer);
    if (fits && row.ignore_merges == ignore_merges && row.regexes == regexes) return &row;
  }
  return nullptr;
}

/// Tokens by id, with their types.
struct Tokens {
  std::vector<std::string> texts;
  std::vector<int64_t> types;

  Result<void> set(const json& id, const std::string& text, int64_t type) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() > kMaxId) {
      return fail("tokenizer.json: the id of \"{}\" must be from 0 to {}", text, kMaxId);
    }
    const auto i = id.get<size_t>();
    if (texts.size() <= i) {
      texts.resize(i + 1);
      types.resize(i + 1, kUnused);
    }
    texts[i] = text;
    types[i] = type;
    return {};
  }
};

bool is_byte_token(const std::string& text) {  // <0x0A>
  return text.size() == 6 && text.starts_with("<0x") && text.back() == '>';
}

Result<Tokens> list_tokens(const json& tokenizer, bool is_sentencepiece, int64_t vocab_size) {
  Tokens tokens;
  const json& model = at(tokenizer, "model");
  if (!at(model, "vocab").is_object()) return fail("tokenizer.json: model.vocab: not an object");
  for (const auto& [text, id] : at(model, "vocab").items()) {
    const bool is_byte = is_sentencepiece && is_byte_token(text);
    R1_RETURN_IF_ERROR(tokens.set(id, text, is_byte ? kByte : kNormal));
  }
  for (const json& added : at(tokenizer, "added_tokens")) {
    const json& content = at(added, "content");
    if (!content.is_string()) return fail("tokenizer.json: added_tokens: content must be a text");
    const bool is_unknown = is_sentencepiece && content == at(model, "unk_token");
    const int64_t type = is_unknown                     ? kUnknown
                         : at(added, "special") == true ? kControl
                                                        : kUserDefined;
    R1_RETURN_IF_ERROR(tokens.set(at(added, "id"), content, type));
  }
  if (static_cast<int64_t>(tokens.texts.size()) < vocab_size) {
    tokens.texts.resize(vocab_size);
    tokens.types.resize(vocab_size, kUnused);
  }
  for (size_t id = 0; id < tokens.texts.size(); ++id) {
    if (tokens.types[id] == kUnused) tokens.texts[id] = fmt::format("[PAD{}]", id);
  }
  return tokens;
}

Result<std::vector<std::string>> list_merges(const json& model) {
  std::vector<std::string> merges;
  if (!at(model, "merges").is_array()) return fail("tokenizer.json: model.merges: not a list");
  for (const json& merge : at(model, "merges")) {
    const bool is_pair =
        merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
    if (!is_pair && !merge.is_string()) {
      return fail("tokenizer.json: model.merges[{}]: must be \"left right\"", merges.size());
    }
    merges.push_back(is_pair ? merge[0].get<std::string>() + " " + merge[1].get<std::string>()
                             : merge.get<std::string>());
  }
  return merges;
}

/// A token scores by the first merge that makes it, so that earlier merges win, as they do in BPE.
std::vector<double> scores_of_merges(const Tokens& tokens, const std::vector<std::string>& merges) {
  std::map<std::string, double> by_text;
  for (const std::string& merge : merges) {
    std::string whole = merge;
    const size_t space = whole.find(' ');
    if (space != whole.npos) whole.erase(space, 1);
    by_text.emplace(std::move(whole), -static_cast<double>(by_text.size()));
  }
  std::vector<double> scores;
  const double last = -static_cast<double>(by_text.size());
  for (size_t id = 0; id < tokens.texts.size(); ++id) {
    const auto found = by_text.find(tokens.texts[id]);
    const bool is_plain = tokens.types[id] == kNormal;
    scores.push_back(!is_plain ? 0 : found == by_text.end() ? last : found->second);
  }
  return scores;
}

/// The token that a post-processor puts before every text; empty: none.
std::string bos_of_template(const json& node) {
  for (const json& member : at(node, "processors")) {
    const std::string bos = bos_of_template(member);
    if (!bos.empty()) return bos;
  }
  const json& single = at(node, "single");
  if (!single.is_array() || single.empty()) return "";
  const json& bos = at(at(single[0], "SpecialToken"), "id");
  return bos.is_string() ? bos.get<std::string>() : "";
}

/// A special token is a text or {"content": text}.
std::string token_text(const json& config, const char* key) {
  const json& node = at(config, key);
  const json& text = node.is_object() ? at(node, "content") : node;
  return text.is_string() ? text.get<std::string>() : "";
}

/// The ids that end a text: the tokenizer's own first, then those of generation_config.json.
std::vector<int64_t> end_ids(const json& generation, int64_t own) {
  std::vector<int64_t> ids;
  if (own >= 0) ids.push_back(own);
  const json& more = at(generation, "eos_token_id");
  for (const json& id : more.is_array() ? more : json::array({more})) {
    if (!id.is_number_integer()) continue;
    if (std::ranges::find(ids, id.get<int64_t>()) == ids.end()) ids.push_back(id);
  }
  return ids;
}

void add_special_ids(const json& config, const json& generation, const std::string& template_bos,
                     const Tokens& tokens, GgufMetadata& metadata) {
  const auto id_of = [&](const std::string& text) -> int64_t {
    const auto found = std::ranges::find(tokens.texts, text);
    return text.empty() || found == tokens.texts.end() ? -1 : found - tokens.texts.begin();
  };
  const auto add = [&](const char* key, int64_t id) {
    if (id >= 0) metadata.set(fmt::format("tokenizer.ggml.{}_token_id", key), GgufValue::u32(id));
  };
  const std::string own_bos = token_text(config, "bos_token");
  const int64_t bos = id_of(own_bos.empty() ? template_bos : own_bos);
  const json& other = at(generation, "bos_token_id");
  add("bos", bos < 0 && other.is_number_unsigned() ? other.get<int64_t>() : bos);
  const std::vector<int64_t> ends = end_ids(generation, id_of(token_text(config, "eos_token")));
  constexpr const char* kEnds[] = {"eos", "eot", "eom"};
  for (size_t i = 0; i < std::min(ends.size(), std::size(kEnds)); ++i) add(kEnds[i], ends[i]);
  add("padding", id_of(token_text(config, "pad_token")));
  add("unknown", id_of(token_text(config, "unk_token")));
}

/// What of an added token a GGUF file cannot say.
bool has_odd_added_tokens(const json& tokenizer, bool has_normalizer) {
  return std::ranges::any_of(at(tokenizer, "added_tokens"), [&](const json& token) {
    return at(token, "lstrip") == true || at(token, "rstrip") == true ||
           at(token, "single_word") == true || (has_normalizer && at(token, "normalized") == true);
  });
}

/// Whether what the keys say makes the same ids of every text as the tokenizer.json.
bool says_all(const json& tokenizer, const GgufMetadata& metadata) {
  const auto text = tokenizer_json_of_gguf(metadata);
  if (!text) return false;
  const json back = json::parse(*text);
  const json &model = at(tokenizer, "model"), &model_back = at(back, "model");
  const auto merges = list_merges(model), merges_back = list_merges(model_back);
  if (!merges || *merges != *merges_back) return false;
  for (const char* flag : {"byte_fallback", "ignore_merges", "fuse_unk"}) {
    if ((at(model, flag) == true) != (at(model_back, flag) == true)) return false;
  }
  const bool is_byte_level = ends_in_byte_level(at(back, "pre_tokenizer"));
  if (!is_byte_level && (at(tokenizer, "normalizer") != at(back, "normalizer") ||
                         !at(tokenizer, "pre_tokenizer").is_null())) {
    return false;
  }
  return !has_odd_added_tokens(tokenizer, !is_identity(at(back, "normalizer")));
}

/// tokenizer.ggml.model and its lists; false when the tokenizer is of another kind.
Result<bool> add_vocabulary(const json& tokenizer, int64_t vocab_size, Tokens& tokens,
                            GgufMetadata& metadata) {
  const json& model = at(tokenizer, "model");
  const bool is_bpe =
      is_type(model, "BPE") || (at(model, "type").is_null() && model.contains("merges"));
  const bool is_byte_level = is_bpe && ends_in_byte_level(at(tokenizer, "pre_tokenizer"));
  const bool is_sentencepiece = is_bpe && !is_byte_level && at(model, "byte_fallback") == true;
  R1_TRY(tokens, list_tokens(tokenizer, is_sentencepiece, vocab_size));
  if (!is_byte_level && !is_sentencepiece) {
    metadata.set("tokenizer.ggml.model", GgufValue::text("none"));
    return false;
  }
  R1_TRY(std::vector<std::string> merges, list_merges(model));
  metadata.set("tokenizer.ggml.model", GgufValue::text(is_byte_level ? "gpt2" : "llama"));
  const GgufPreTokenizer* pre = is_byte_level ? matching_pre_tokenizer(tokenizer) : nullptr;
  const std::string name = pre ? std::string(pre->names[0]) : "unknown";
  metadata.set("tokenizer.ggml.pre", GgufValue::text(is_sentencepiece ? "default" : name));
  metadata.set("tokenizer.ggml.tokens", GgufValue::texts(tokens.texts));
  metadata.set("tokenizer.ggml.token_type", GgufValue::i32s(tokens.types));
  if (is_sentencepiece) {
    metadata.set("tokenizer.ggml.scores", GgufValue::f32s(scores_of_merges(tokens, merges)));
    const json& normalizers = at(at(tokenizer, "normalizer"), "normalizers");
    const bool has_prefix =
        std::ranges::any_of(normalizers, [](const json& n) { return is_type(n, "Prepend"); });
    metadata.set("tokenizer.ggml.add_space_prefix", GgufValue::boolean(has_prefix));
  } else {
    metadata.set("tokenizer.ggml.merges", GgufValue::texts(std::move(merges)));
  }
  return true;
}

}  // namespace

Result<void> add_tokenizer_metadata(const ModelAssets& assets, int64_t vocab_size,
                                    GgufMetadata& metadata) {
  R1_TRY(const json tokenizer, parse_asset(assets, "tokenizer.json"));
  R1_TRY(const json config, parse_asset(assets, "tokenizer_config.json"));
  R1_TRY(const json generation, parse_asset(assets, "generation_config.json"));
  if (tokenizer.is_null()) {
    log_warn("there is no tokenizer.json: the GGUF file has no vocabulary");
    metadata.set("tokenizer.ggml.model", GgufValue::text("none"));
    return {};
  }
  Tokens tokens;
  R1_TRY(const bool has_vocabulary, add_vocabulary(tokenizer, vocab_size, tokens, metadata));
  const std::string template_bos = bos_of_template(at(tokenizer, "post_processor"));
  add_special_ids(config, generation, template_bos, tokens, metadata);
  const json& wanted = at(config, "add_bos_token");
  const bool adds_bos = wanted.is_boolean() ? wanted.get<bool>() : !template_bos.empty();
  metadata.set("tokenizer.ggml.add_bos_token", GgufValue::boolean(adds_bos));
  const auto file = assets.find("chat_template.jinja");
  const json& chat_template = at(config, "chat_template");
  if (file != assets.end()) {
    metadata.set("tokenizer.chat_template", GgufValue::text(file->second));
  } else if (chat_template.is_string()) {
    metadata.set("tokenizer.chat_template", GgufValue::text(chat_template));
  }
  if (has_vocabulary && says_all(tokenizer, metadata)) return {};
  log_warn("GGUF's keys cannot say all of this tokenizer: it is stored whole as {}, which r1 reads",
           "tokenizer.huggingface.json");
  metadata.set("tokenizer.huggingface.json", GgufValue::text(assets.at("tokenizer.json")));
  return {};
}

}  // namespace r1
