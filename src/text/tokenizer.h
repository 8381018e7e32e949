// Text to token ids and back, as the tokenizer.json of a Hugging Face folder says.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace r1 {

class Decoder;

/// The small text files of a model by name, of which a tokenizer reads its own.
using TokenizerFiles = std::map<std::string, std::string>;

struct EncodeOptions {
  bool add_special = true;  // BOS and EOS as the post-processor says; false for rendered templates
  bool parse_special = true;  // false, for untrusted text: special tokens in it are plain text
};

/// Any number of threads may encode and decode at once.
class Tokenizer {
 public:
  /// Reads tokenizer.json, and when present tokenizer_config.json, special_tokens_map.json and
  /// chat_template.jinja. What is not supported is refused by name.
  static Result<Tokenizer> load(const Path& folder);
  /// The same from texts; model stands in errors for where they came from.
  static Result<Tokenizer> from_files(const TokenizerFiles& files, const Path& model);
  /// name: stands for the file in errors. No BOS, EOS, pad or chat template.
  static Result<Tokenizer> from_json(std::string_view tokenizer_json, const std::string& name);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// Ill-formed UTF-8 is read as U+FFFD.
  std::vector<int32_t> encode(std::string_view text, EncodeOptions options = {}) const;
  /// Always valid UTF-8: bytes that make no character become U+FFFD. Unknown ids give nothing.
  std::string decode(std::span<const int32_t> ids, bool skip_special = true) const;

  int vocab_size() const;  // 1 + largest id
  std::optional<int32_t> token_id(std::string_view token) const;
  /// As written in the vocabulary ("Ġthe"); empty for an id without a token.
  const std::string& token(int32_t id) const;
  bool is_special(int32_t id) const;

  std::optional<int32_t> bos_id() const;
  std::optional<int32_t> eos_id() const;
  std::optional<int32_t> pad_id() const;
  const std::string& bos_token() const;  // empty if none
  const std::string& eos_token() const;
  /// Jinja source; empty if none.
  const std::string& chat_template() const;

  const Decoder& decoder() const;  // for text/stream
  /// Pieces are encoded byte by byte, and a text's start is no different from its middle.
  bool is_byte_level() const;
  /// What EncodeOptions::add_special puts before and behind a text.
  std::pair<std::vector<int32_t>, std::vector<int32_t>> affixes() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  static Result<std::unique_ptr<Impl>> make(std::string_view tokenizer_json,
                                            const std::string& name);
  std::unique_ptr<Impl> impl_;
};

}  // namespace r1
