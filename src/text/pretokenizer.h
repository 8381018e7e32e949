// The "pre_tokenizer" of a tokenizer.json: cuts normalised text into the pieces that are encoded.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "text/json_node.h"
#include "text/regex.h"

namespace r1 {

/// What one thread needs while it cuts. After PreTokenizer::apply: text and its pieces, in order.
struct PieceScratch {
  std::string text;
  std::vector<TextSpan> pieces;
  std::string next_text;
  std::vector<TextSpan> next_pieces;
};

class PreTokenizer {
 public:
  /// Null keeps the text in one piece. An unknown type is refused by name.
  static Result<PreTokenizer> from_json(const JsonNode& node);

  /// ByteLevel stands last: pieces are to be encoded byte by byte.
  bool is_byte_level() const { return is_byte_level_; }

  /// Cuts scratch.text; is_start: it begins the whole input (Metaspace's "first").
  void apply(bool is_start, PieceScratch& scratch, RegexScratch& regex) const;

 private:
  enum class Behavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };
  struct Split {
    std::variant<Regex, bool (*)(char32_t)> pattern;  // an expression, or a class of characters
    Behavior behavior = Behavior::kIsolated;
    bool invert = false;
    bool each_character = true;  // of the class; false: runs
  };
  struct PrefixSpace {};  // every piece starts with a space
  struct Metaspace {
    std::string replacement;
    enum class Prepend { kAlways, kFirst, kNever } prepend = Prepend::kAlways;
  };
  using Step = std::variant<Split, PrefixSpace, Metaspace>;

  Result<void> add(const JsonNode& node, int depth);
  Result<void> add_split(const JsonNode& node);
  Result<void> add_byte_level(const JsonNode& node);
  Result<void> add_metaspace(const JsonNode& node);
  static Result<Behavior> behavior_from_json(const JsonNode& node, const std::string& otherwise);
  static bool find(const Split& split, std::string_view piece, size_t from, TextSpan& match,
                   RegexScratch& regex);
  static void cut(const Split& split, std::string_view text, TextSpan piece,
                  std::vector<TextSpan>& out, RegexScratch& regex);
  static void rewrite(const Step& step, bool is_start, PieceScratch& scratch);

  std::vector<Step> steps_;
  bool is_byte_level_ = false;
};

}  // namespace r1
