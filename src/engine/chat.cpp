#include "engine/chat.h"

#include <algorithm>

namespace r1 {

Result<Chat> Chat::open(const Path& model, const ModelConfig& config) {
  R1_TRY(const ModelAssets assets, read_assets(model));
  R1_TRY(Tokenizer tokenizer, Tokenizer::from_files(assets, model));
  if (tokenizer.vocab_size() > config.vocab_size) {
    return fail(
        "tokenizer.json has ids up to {}, but the model's vocab_size is {}; copy both from "
        "the same model",
        tokenizer.vocab_size() - 1, config.vocab_size);
  }
  Chat chat;
  chat.tokenizer_ = std::make_shared<const Tokenizer>(std::move(tokenizer));
  chat.stop_tokens_ = config.eos_token_ids;
  if (const auto eos = chat.tokenizer_->eos_id()) {
    if (std::find(chat.stop_tokens_.begin(), chat.stop_tokens_.end(), *eos) ==
        chat.stop_tokens_.end()) {
      chat.stop_tokens_.push_back(*eos);
    }
  }
  return chat;
}

Result<std::vector<int32_t>> Chat::prompt(const std::vector<Message>& messages) const {
  if (!has_template()) {
    std::string text;
    for (const Message& message : messages) text += message.content;
    return raw(text);
  }
  R1_TRY(const std::string text, render_chat(tokenizer_->chat_template(), messages, true,
                                             tokenizer_->bos_token(), tokenizer_->eos_token()));
  return tokenizer_->encode(text, EncodeOptions{.add_special = false, .parse_special = true});
}

bool Chat::opens_think(std::span<const int32_t> prompt) const {
  const size_t n = std::min<size_t>(prompt.size(), 16);
  const std::string tail = tokenizer_->decode(prompt.last(n), false);
  const size_t open = tail.rfind("<think>");
  return open != std::string::npos && tail.find("</think>", open) == std::string::npos;
}

}  // namespace r1
