// The "added_tokens" of a tokenizer.json: found in the text before anything else cuts it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/regex.h"

namespace r1 {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool single_word = false;  // not inside a longer word
  bool lstrip = false;       // swallows the white space before it
  bool rstrip = false;       // swallows the white space behind it
  bool normalized = false;   // searched for in the normalised text
  bool special = false;
};

/// Finds the leftmost longest token, through a trie.
class AddedTokenFinder {
 public:
  AddedTokenFinder() = default;
  explicit AddedTokenFinder(std::vector<AddedToken> tokens);

  bool is_empty() const { return tokens_.empty(); }

  /// The first token at or after `from`, with the white space that it swallows; special tokens
  /// count only if parse_special. Returns nullptr when there is none.
  const AddedToken* next(std::string_view text, size_t from, bool parse_special,
                         TextSpan& span) const;

 private:
  struct Node {
    unsigned char byte = 0;
    int32_t child = -1, sibling = -1, token = -1;
  };
  int32_t find_child(int32_t node, unsigned char byte) const;
  const AddedToken* longest_at(std::string_view text, size_t pos, bool parse_special) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
  std::array<int32_t, 256> roots_{};  // node of each first byte, -1 when none
};

}  // namespace r1
