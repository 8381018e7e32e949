#include "text/tokenizer.h"

#include <mutex>
#include <nlohmann/json.hpp>

#include "text/tokenizer_parts.h"
#include "text/unicode.h"

namespace r1 {
namespace {

struct Scratch {
  RegexScratch regex;
  PieceScratch pieces;
  BpeScratch bpe;
  std::string normalized;
};

}  // namespace

struct Tokenizer::Impl {
  TokenizerParts parts;
  std::string bos, eos, pad, chat_template;

  // One scratch for each thread that encodes at the same time; results never depend on which.
  mutable std::mutex mutex;
  mutable std::vector<std::unique_ptr<Scratch>> free_scratches;

  std::unique_ptr<Scratch> take_scratch() const {
    const std::lock_guard lock(mutex);
    if (free_scratches.empty()) return std::make_unique<Scratch>();
    auto scratch = std::move(free_scratches.back());
    free_scratches.pop_back();
    return scratch;
  }
  void give_back(std::unique_ptr<Scratch> scratch) const {
    const std::lock_guard lock(mutex);
    free_scratches.push_back(std::move(scratch));
  }

  /// Calls outside(text between tokens, starts at 0) and appends the ids of the tokens found.
  template <class Outside>
  static void split_added(const AddedTokenFinder& finder, std::string_view text, bool parse_special,
                          std::vector<int32_t>& ids, Outside outside) {
    size_t done = 0;
    TextSpan span;
    while (const AddedToken* token = finder.next(text, done, parse_special, span)) {
      if (span.begin > done) outside(text.substr(done, span.begin - done), done == 0);
      ids.push_back(token->id);
      done = span.end;
    }
    if (done < text.size()) outside(text.substr(done), done == 0);
  }

  /// Normalised text without added tokens.
  void encode_plain(std::string_view text, bool is_start, std::vector<int32_t>& ids,
                    Scratch& scratch) const {
    scratch.pieces.text.assign(text);
    parts.pre_tokenizer.apply(is_start, scratch.pieces, scratch.regex);
    const std::string_view cut = scratch.pieces.text;
    for (const TextSpan span : scratch.pieces.pieces) {
      const std::string_view piece = cut.substr(span.begin, span.end - span.begin);
      if (const auto* bpe = std::get_if<Bpe>(&parts.model)) {
        bpe->encode(piece, ids, scratch.bpe);
      } else {
        const auto& words = std::get<WordLevel>(parts.model);
        const int32_t id = words.vocab.find(piece);
        ids.push_back(id >= 0 ? id : words.unknown);
      }
    }
  }

  void encode_text(std::string_view text, bool parse_special, std::vector<int32_t>& ids,
                   Scratch& scratch) const {
    split_added(parts.raw_added, text, parse_special, ids,
                [&](std::string_view raw, bool is_start) {
                  std::string_view normalized = raw;
                  if (!parts.normalizer.is_identity()) {
                    scratch.normalized.assign(raw);
                    parts.normalizer.apply(scratch.normalized, scratch.regex);
                    normalized = scratch.normalized;
                  }
                  split_added(parts.normalized_added, normalized, parse_special, ids,
                              [&](std::string_view plain, bool is_first) {
                                encode_plain(plain, is_start && is_first, ids, scratch);
                              });
                });
  }

  std::optional<int32_t> id_of(std::string_view token) const {
    const int32_t id = token.empty() ? -1 : parts.ids.find(token);
    return id < 0 ? std::nullopt : std::optional(id);
  }

  Result<void> read_specials(const JsonNode& file);
  Result<void> read_config(const JsonNode& config);
  Result<void> force_affix(const JsonNode& config, const char* key, const std::string& token,
                           std::vector<int32_t>& affix);
};

namespace {

/// A special token is a string or {"content": string}; absent or null keeps what was known.
Result<void> read_special(const JsonNode& file, const char* key, std::string& token) {
  const JsonNode node = file.at(key);
  if (node.is_null()) return {};
  R1_TRY(token, node.value().is_object() ? node.text("content") : file.text(key));
  return {};
}

/// A string, or a list of {"name", "template"} of which "default" is taken.
Result<std::string> read_chat_template(const JsonNode& config) {
  const JsonNode node = config.at("chat_template");
  if (!node.value().is_array()) return config.text_or("chat_template", "");
  R1_TRY(const auto choices, config.items("chat_template"));
  for (const JsonNode& choice : choices) {
    R1_TRY(const std::string name, choice.text("name"));
    if (name == "default") return choice.text("template");
  }
  return std::string();
}

constexpr const char* kFileNames[] = {"tokenizer.json", "special_tokens_map.json",
                                      "tokenizer_config.json", "chat_template.jinja"};

}  // namespace

Result<void> Tokenizer::Impl::read_specials(const JsonNode& file) {
  R1_RETURN_IF_ERROR(read_special(file, "bos_token", bos));
  R1_RETURN_IF_ERROR(read_special(file, "eos_token", eos));
  return read_special(file, "pad_token", pad);
}

/// add_bos_token and add_eos_token, where they stand, overrule the post-processor.
Result<void> Tokenizer::Impl::force_affix(const JsonNode& config, const char* key,
                                          const std::string& token, std::vector<int32_t>& affix) {
  if (!config.has(key)) return {};
  R1_TRY(const bool wanted, config.flag(key, false));
  affix.clear();
  if (!wanted) return {};
  const auto id = id_of(token);
  if (!id)
    return fail("{}.{}: the token \"{}\" is not in the vocabulary", config.place(), key, token);
  affix.push_back(*id);
  return {};
}

Result<void> Tokenizer::Impl::read_config(const JsonNode& config) {
  R1_RETURN_IF_ERROR(read_specials(config));
  R1_RETURN_IF_ERROR(force_affix(config, "add_bos_token", bos, parts.prefix));
  R1_RETURN_IF_ERROR(force_affix(config, "add_eos_token", eos, parts.suffix));
  R1_TRY(chat_template, read_chat_template(config));
  return {};
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<std::unique_ptr<Tokenizer::Impl>> Tokenizer::make(std::string_view tokenizer_json,
                                                         const std::string& name) {
  auto impl = std::make_unique<Impl>();
  R1_TRY(impl->parts, tokenizer_parts(tokenizer_json, name));
  return impl;
}

Result<Tokenizer> Tokenizer::from_json(std::string_view tokenizer_json, const std::string& name) {
  R1_TRY(auto impl, make(tokenizer_json, name));
  return Tokenizer(std::move(impl));
}

Result<Tokenizer> Tokenizer::load(const Path& folder) {
  TokenizerFiles files;
  for (const char* name : kFileNames) {
    if (!std::filesystem::exists(folder / name)) continue;
    R1_TRY(files[name], read_text(folder / name));
  }
  return from_files(files, folder);
}

Result<Tokenizer> Tokenizer::from_files(const TokenizerFiles& files, const Path& model) {
  const auto json = files.find("tokenizer.json");
  const std::string path = (model / "tokenizer.json").string();
  if (json == files.end()) {
    return fail("{}: no such file; without it the model works on token ids only", path);
  }
  R1_TRY(auto impl, make(json->second, path));
  for (const char* name : {"special_tokens_map.json", "tokenizer_config.json"}) {
    const auto file = files.find(name);
    if (file == files.end()) continue;
    const std::string where = (model / name).string();
    R1_TRY(const nlohmann::json document, parse_json(file->second, where));
    const JsonNode node(document, where);
    R1_RETURN_IF_ERROR(std::string_view(name).starts_with("special") ? impl->read_specials(node)
                                                                     : impl->read_config(node));
  }
  const auto jinja = files.find("chat_template.jinja");
  if (jinja != files.end()) impl->chat_template = jinja->second;
  return Tokenizer(std::move(impl));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::string repaired;
  if (!is_utf8(text)) text = repaired = to_utf8(text);
  const TokenizerParts& parts = impl_->parts;
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 3 + 4);
  if (options.add_special) ids = parts.prefix;
  auto scratch = impl_->take_scratch();
  impl_->encode_text(text, options.parse_special, ids, *scratch);
  impl_->give_back(std::move(scratch));
  if (options.add_special) ids.insert(ids.end(), parts.suffix.begin(), parts.suffix.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string bytes;
  Decoder::State state;
  for (const int32_t id : ids) {
    if (!(skip_special && is_special(id))) impl_->parts.decoder.append(id, state, bytes);
  }
  return is_utf8(bytes) ? bytes : to_utf8(bytes);
}

int Tokenizer::vocab_size() const { return static_cast<int>(impl_->parts.tokens.size()); }

std::optional<int32_t> Tokenizer::token_id(std::string_view token) const {
  return impl_->id_of(token);
}

const std::string& Tokenizer::token(int32_t id) const {
  static const std::string kNone;
  return id >= 0 && id < vocab_size() ? impl_->parts.tokens[id] : kNone;
}

bool Tokenizer::is_special(int32_t id) const {
  return id >= 0 && id < vocab_size() && impl_->parts.is_special[id];
}

std::optional<int32_t> Tokenizer::bos_id() const { return impl_->id_of(impl_->bos); }
std::optional<int32_t> Tokenizer::eos_id() const { return impl_->id_of(impl_->eos); }
std::optional<int32_t> Tokenizer::pad_id() const { return impl_->id_of(impl_->pad); }
const std::string& Tokenizer::bos_token() const { return impl_->bos; }
const std::string& Tokenizer::eos_token() const { return impl_->eos; }
const std::string& Tokenizer::chat_template() const { return impl_->chat_template; }
const Decoder& Tokenizer::decoder() const { return impl_->parts.decoder; }
bool Tokenizer::is_byte_level() const {
  return impl_->parts.pre_tokenizer.is_byte_level() && impl_->parts.normalizer.is_local();
}

std::pair<std::vector<int32_t>, std::vector<int32_t>> Tokenizer::affixes() const {
  return {impl_->parts.prefix, impl_->parts.suffix};
}

}  // namespace r1
