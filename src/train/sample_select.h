// Which of the good completions become rows: no two alike, at most so many a problem.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace r1 {

enum class Dedupe { kNone, kExact, kNear };
Result<Dedupe> parse_dedupe(const std::string& name);

/// Hashes of a text's n-grams of words, in lower case and without punctuation; a text of fewer
/// words is one n-gram.
std::set<uint64_t> ngram_hashes(std::string_view text, int n);

/// Common n-grams / all n-grams; 1 for two empty sets.
double common_share(const std::set<uint64_t>& a, const std::set<uint64_t>& b);

/// The completions of one prompt so far.
class Different {
 public:
  Different(Dedupe dedupe, double near) : dedupe_(dedupe), near_(near) {}
  /// Whether the text is new; remembers it when it is. kExact: the words are another's; kNear: it
  /// has at least the share `near` of its 5-grams in common with another.
  bool add(std::string_view text);

 private:
  Dedupe dedupe_;
  double near_;
  std::vector<std::set<uint64_t>> seen_;
  std::set<std::string> words_;
};

}  // namespace r1
