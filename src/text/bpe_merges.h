// The merges of a byte-level BPE, found from counted words: highest count first.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace r1 {

/// A word as ids, and how often it occurs.
struct CountedWord {
  std::vector<int32_t> ids;
  int64_t count;
};

struct LearnedMerge {
  int32_t left, right, result;
};

/// tokens: by id, the bytes of each; the merges' results are appended (one that exists already,
/// made of other parts, is used again). Stops at vocab_size tokens or when no pair occurs
/// min_frequency times.
std::vector<LearnedMerge> learn_merges(std::vector<CountedWord> words,
                                       std::vector<std::string>& tokens, int64_t vocab_size,
                                       int64_t min_frequency,
                                       const std::function<void(int64_t, int64_t)>& on_progress);

}  // namespace r1
