// The parts that a tokenizer.json describes, each checked and ready to run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/hash_map.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"

namespace r1 {

/// Whole words only.
struct WordLevel {
  StringMap vocab;
  int32_t unknown = 0;
};

struct TokenizerParts {
  std::vector<std::string> tokens;         // by id; empty where there is none
  std::vector<bool> is_added, is_special;  // by id
  StringMap ids;                           // by token
  AddedTokenFinder raw_added;              // searched for in the text as given
  AddedTokenFinder normalized_added;       // searched for in the normalised text
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::variant<Bpe, WordLevel> model;
  std::vector<int32_t> prefix, suffix;  // of the post-processor
  Decoder decoder;
};

/// name: stands for the file in errors.
Result<TokenizerParts> tokenizer_parts(std::string_view tokenizer_json, const std::string& name);

}  // namespace r1
