// Where words meet numbers: a tokenizer and its chat template turn messages into prompts.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/model_io.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace r1 {

/// Any thread may call it.
class Chat {
 public:
  /// Reads the tokenizer files of a model folder, or what a GGUF file holds of them.
  static Result<Chat> open(const Path& model, const ModelConfig& config);

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  bool has_template() const { return !tokenizer_->chat_template().empty(); }

  /// Messages through the chat template, ready for the model to answer. Without a template: the
  /// contents, one after the other, with the tokenizer's own special tokens.
  Result<std::vector<int32_t>> prompt(const std::vector<Message>& messages) const;
  std::vector<int32_t> raw(const std::string& text) const { return tokenizer_->encode(text); }

  /// The end-of-sequence ids of config, generation config and tokenizer.
  const std::vector<int32_t>& stop_tokens() const { return stop_tokens_; }

  /// Text of a completion, special tokens left out.
  std::string decode(std::span<const int32_t> tokens) const { return tokenizer_->decode(tokens); }
  /// Whether the prompt already ends inside <think>.
  bool opens_think(std::span<const int32_t> prompt) const;

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<int32_t> stop_tokens_;
};

}  // namespace r1
