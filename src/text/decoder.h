// The "decoder" of a tokenizer.json: turns ids back into bytes, one token at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/json_node.h"
#include "text/regex.h"

namespace r1 {

/// Deviation from Hugging Face: broken byte runs are repaired like any broken UTF-8 (one U+FFFD for
/// each ill-formed part) where ByteFallback would give up the whole run; so text can be streamed.
class Decoder {
 public:
  /// Null joins tokens with single spaces. An unknown type is refused by name.
  static Result<Decoder> from_json(const JsonNode& node);

  /// Prepares the bytes of every token; called once, before any append. is_added: the token's text
  /// was found in the input as it stands, so ByteLevel gives it back as it stands.
  void set_tokens(const std::vector<std::string>& tokens, const std::vector<bool>& is_added);

  /// What a sequence remembers from its earlier tokens.
  struct State {
    bool is_first = true;
    int n_stripped = 0;        // characters taken from the start
    bool is_stripping = true;  // nothing but stripped characters so far
  };
  /// Appends the bytes of one token: not always whole characters.
  void append(int32_t id, State& state, std::string& bytes) const;

 private:
  enum class StepKind { kReplace, kStrip };
  struct Step {
    StepKind kind;
    Regex pattern;        // replace
    std::string content;  // replace: the new text; strip: the character
    int start = 0, stop = 0;
  };
  Result<void> add(const JsonNode& node, int depth);
  Result<void> add_strip(const JsonNode& node);
  std::string token_bytes(const std::string& token, bool is_added, RegexScratch& scratch) const;
  void strip_start(size_t begin, State& state, std::string& bytes) const;

  std::vector<Step> steps_;
  bool joins_with_space_ = false, is_byte_level_ = false, has_byte_fallback_ = false;
  bool is_fused_ = false;
  std::string strip_character_;  // of the whole text, behind Fuse
  int strip_count_ = 0;
  bool drops_first_spaces_ = false;  // Metaspace: of the first token
  std::string bytes_;                // of all tokens, one after the other
  std::vector<size_t> offsets_;      // into bytes_, one more than tokens
};

/// The 256 characters that stand for bytes in a byte-level vocabulary.
/// Turns such text into bytes; false when another character occurs.
bool byte_level_to_bytes(const std::string& text, std::string& bytes);

/// 0 to 255 for "<0x00>" to "<0xFF>", else -1.
int byte_token_value(const std::string& token);

}  // namespace r1
