#include "train/examples.h"

#include <algorithm>

namespace r1 {
namespace {

constexpr EncodeOptions kAsWritten{.add_special = false, .parse_special = true};

TokenSequence join(std::vector<int32_t> prompt, const std::vector<int32_t>& completion) {
  TokenSequence example;
  example.weights.assign(prompt.size(), 0.0f);
  example.tokens = std::move(prompt);
  example.tokens.insert(example.tokens.end(), completion.begin(), completion.end());
  example.weights.resize(example.tokens.size(), 1.0f);
  if (!example.weights.empty()) example.weights[0] = 0.0f;
  return example;
}

}  // namespace

TokenSequence document_example(const Tokenizer& tokenizer, const Document& document) {
  return join(tokenizer.encode(document.prompt, kAsWritten),
              tokenizer.encode(document.completion, kAsWritten));
}

Result<TokenSequence> answer_example(const Chat& chat, const Problem& problem) {
  R1_TRY(std::vector<int32_t> prompt, chat.prompt(problem.messages));
  std::string_view text = problem.completion;
  for (std::string_view tag : {"<think>\n", "<think>"}) {  // the template has written it already
    if (!chat.opens_think(prompt) || !text.starts_with(tag)) continue;
    text.remove_prefix(tag.size());
    break;
  }
  std::vector<int32_t> completion = chat.tokenizer().encode(text, kAsWritten);
  const auto eos = chat.tokenizer().eos_id();
  if (eos && (completion.empty() || completion.back() != *eos)) completion.push_back(*eos);
  return join(std::move(prompt), completion);
}

Result<TokenSequence> conversation_example(const Chat& chat, const Problem& problem) {
  if (!chat.has_template()) return answer_example(chat, problem);
  const Tokenizer& tokenizer = chat.tokenizer();
  std::vector<Message> messages = problem.messages;
  messages.push_back({.role = "assistant", .content = problem.completion});
  R1_TRY(const RenderedChat rendered,
         render_chat_spans(tokenizer.chat_template(), messages, tokenizer.bos_token(),
                           tokenizer.eos_token()));
  // Piece by piece, as the model will meet them: a prompt, then its own words.
  TokenSequence example;
  const auto add = [&](size_t begin, size_t end, float weight) {
    const auto text = std::string_view(rendered.text).substr(begin, end - begin);
    const std::vector<int32_t> tokens = tokenizer.encode(text, kAsWritten);
    example.tokens.insert(example.tokens.end(), tokens.begin(), tokens.end());
    example.weights.resize(example.tokens.size(), weight);
  };
  size_t at = 0;
  for (const auto& [begin, end] : rendered.assistant) {
    add(at, begin, 0.0f);
    add(begin, end, 1.0f);
    at = end;
  }
  add(at, rendered.text.size(), 0.0f);
  if (!example.weights.empty()) example.weights[0] = 0.0f;
  return example;
}

}  // namespace r1
