#include "text/added_tokens.h"

#include "text/unicode.h"

namespace r1 {
namespace {

bool is_word_beside(std::string_view text, const TextSpan& span) {
  size_t before = span.begin, after = span.end;
  return (before > 0 && is_word(previous_code_point(text, before))) ||
         (after < text.size() && is_word(next_code_point(text, after)));
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  roots_.fill(-1);
  for (size_t t = 0; t < tokens_.size(); ++t) {
    int32_t at = -1;
    for (const unsigned char byte : tokens_[t].content) {
      int32_t next = at < 0 ? roots_[byte] : find_child(at, byte);
      if (next < 0) {
        next = static_cast<int32_t>(nodes_.size());
        nodes_.push_back({byte, -1, at < 0 ? -1 : nodes_[at].child, -1});
        (at < 0 ? roots_[byte] : nodes_[at].child) = next;
      }
      at = next;
    }
    if (at >= 0) nodes_[at].token = static_cast<int32_t>(t);
  }
}

int32_t AddedTokenFinder::find_child(int32_t node, unsigned char byte) const {
  int32_t child = nodes_[node].child;
  while (child >= 0 && nodes_[child].byte != byte) child = nodes_[child].sibling;
  return child;
}

const AddedToken* AddedTokenFinder::longest_at(std::string_view text, size_t pos,
                                               bool parse_special) const {
  const AddedToken* longest = nullptr;
  int32_t node = roots_[static_cast<unsigned char>(text[pos])];
  while (node >= 0) {
    if (const int32_t token = nodes_[node].token; token >= 0) {
      if (parse_special || !tokens_[token].special) longest = &tokens_[token];
    }
    if (++pos == text.size()) break;
    node = find_child(node, static_cast<unsigned char>(text[pos]));
  }
  return longest;
}

const AddedToken* AddedTokenFinder::next(std::string_view text, size_t from, bool parse_special,
                                         TextSpan& span) const {
  if (tokens_.empty()) return nullptr;
  for (size_t pos = from; pos < text.size(); ++pos) {
    if (roots_[static_cast<unsigned char>(text[pos])] < 0) continue;
    const AddedToken* token = longest_at(text, pos, parse_special);
    if (!token) continue;
    span = {pos, pos + token->content.size()};
    if (token->single_word && is_word_beside(text, span)) {
      pos = span.end - 1;
      continue;
    }
    for (size_t at = span.begin; token->lstrip && at > from; span.begin = at) {
      if (!is_space(previous_code_point(text, at))) break;
    }
    for (size_t at = span.end; token->rstrip && at < text.size(); span.end = at) {
      if (!is_space(next_code_point(text, at))) break;
    }
    return token;
  }
  return nullptr;
}

}  // namespace r1
