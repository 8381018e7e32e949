// The syntax tree of a chat template and the parser that makes it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja_value.h"

namespace r1::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Expr {
  enum class Kind {
    kLiteral,    // value
    kName,       // name
    kList,       // kids
    kDict,       // kids: key, value, key, value, …
    kAttribute,  // kids[0].name
    kSubscript,  // kids[0][kids[1]]
    kSlice,      // kids[0][kids[1] : kids[2] : kids[3]], absent ones are null
    kCall,       // kids[0](kids[1…], named)
    kFilter,     // kids[0] | name(kids[1…], named)
    kTest,       // kids[0] is name(kids[1…])
    kUnary,      // name kids[0]
    kBinary,     // kids[0] name kids[1]
    kInlineIf,   // kids[0] if kids[1] else kids[2], which may be null
  };
  Kind kind;
  int line;
  std::string name;
  std::vector<ExprPtr> kids;
  std::vector<std::pair<std::string, ExprPtr>> named;
  Value value;
};

struct Stmt;
using Block = std::vector<Stmt>;

struct MacroNode;

struct Stmt {
  enum class Kind {
    kText,        // text
    kPrint,       // {{ expr }}
    kIf,          // expr, body, otherwise
    kFor,         // names in expr if condition: body, else otherwise
    kSet,         // names = expr, or text.names[0] = expr
    kSetBlock,    // names[0] = body
    kMacro,       // macro
    kGeneration,  // body is the assistant's
    kBreak,
    kContinue,
  };
  Kind kind;
  int line;
  std::string text;
  std::vector<std::string> names;
  ExprPtr expr, condition;
  Block body, otherwise;
  std::shared_ptr<const MacroNode> macro;
};

struct MacroNode {
  std::string name;
  std::vector<std::pair<std::string, ExprPtr>> parameters;  // with defaults, or null
  Block body;
};

/// Throws TemplateError, which names the line and what is not supported.
Block parse(std::string_view source);

}  // namespace r1::jinja
