// Text to token ids and back, as the tokenizer.json of a Hugging Face folder says.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace r1 {

class Decoder;

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

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  static Result<std::unique_ptr<Impl>> make(std::string_view tokenizer_json,
                                            const std::string& name);
  std::unique_ptr<Impl> impl_;
};

}  // namespace r1
