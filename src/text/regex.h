// Regular expressions over UTF-8: PCRE2 with its compiler to machine code.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;
struct pcre2_real_jit_stack_8;

namespace r1 {

/// Bytes [begin, end) of a text.
struct TextSpan {
  size_t begin = 0, end = 0;
  bool operator==(const TextSpan&) const = default;
};

/// What one thread needs while it matches.
class RegexScratch {
 public:
  RegexScratch();
  ~RegexScratch();
  RegexScratch(const RegexScratch&) = delete;

 private:
  friend class Regex;
  pcre2_real_match_data_8* match_;
  pcre2_real_match_context_8* context_;
  pcre2_real_jit_stack_8* stack_;
};

/// Any number of threads may match at once, each with its own scratch.
class Regex {
 public:
  /// Refuses a pattern with the offset and the reason.
  static Result<Regex> compile(const std::string& pattern);
  /// A pattern that stands for itself.
  static Result<Regex> compile_literal(std::string_view text);

  /// The first non-empty match at or after `from` in valid UTF-8. A pattern that exhausts the match
  /// limit (a hostile one) counts as not matching.
  bool next(std::string_view text, size_t from, TextSpan& match, RegexScratch& scratch) const;

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };
  std::unique_ptr<pcre2_real_code_8, Free> code_;
  bool is_jit_ = false;
};

}  // namespace r1
