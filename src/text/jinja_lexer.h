// A template cut into text and tokens, with white space trimmed as trim_blocks and lstrip_blocks
// ask.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace r1::jinja {

struct Token {
  enum class Kind {
    kText,        // outside of tags
    kBlockBegin,  // {%
    kBlockEnd,
    kPrintBegin,  // {{
    kPrintEnd,
    kName,
    kString,  // unescaped
    kInteger,
    kFloat,
    kOperator,
    kEnd,
  };
  Kind kind;
  std::string text;
  int line;
};

/// Throws TemplateError. The last token is kEnd.
std::vector<Token> lex(std::string_view source);

}  // namespace r1::jinja
