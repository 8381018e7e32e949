// The pre-tokenizers that GGUF files name in tokenizer.ggml.pre, as the regexes of a
// tokenizer.json.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

struct GgufPreTokenizer {
  std::vector<std::string_view> names;  // the first is written, all are read
  bool is_nfc = false;                  // the text is normalised first
  bool ignore_merges = false;           // a piece that is a token is taken whole
  std::vector<std::string> regexes;     // applied in turn, each inside the pieces of the one before
};

/// What ByteLevel with use_regex cuts by.
extern const char* const kGpt2Regex;

std::span<const GgufPreTokenizer> gguf_pre_tokenizers();

/// nullptr when the name is not known.
const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name);

std::string known_gguf_pre_tokenizers();  // "llama-bpe, qwen2, …": for messages

}  // namespace r1
