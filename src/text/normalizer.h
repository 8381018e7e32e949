// The "normalizer" of a tokenizer.json: changes the text before it is cut into pieces.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "text/json_node.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace r1 {

class Normalizer {
 public:
  /// Null gives the identity. An unknown type is refused by name.
  static Result<Normalizer> from_json(const JsonNode& node);

  bool is_identity() const { return steps_.empty(); }
  /// Nothing depends on where in the text a character stands.
  bool is_local() const;
  void apply(std::string& text, RegexScratch& scratch) const;

 private:
  struct Prepend {
    std::string text;
  };
  struct Lowercase {};
  struct Replace {
    Regex pattern;
    std::string content;
  };
  struct Strip {
    bool left, right;
  };
  using Step = std::variant<NormalForm, Prepend, Lowercase, Replace, Strip>;

  Result<void> add(const JsonNode& node, int depth);
  static void apply_step(const Step& step, std::string& text, RegexScratch& scratch);

  std::vector<Step> steps_;
};

/// A "pattern" member: {"String": text} or {"Regex": expression}.
Result<Regex> pattern_from_json(const JsonNode& node);

/// Every match of the pattern becomes `content`.
void replace_all(std::string& text, const Regex& pattern, const std::string& content,
                 RegexScratch& scratch);

}  // namespace r1
