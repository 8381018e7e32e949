// Where the kept tokens end: an exact selection by weight without sorting.
#pragma once

#include <cstdint>
#include <limits>

namespace r1 {

/// Tokens stand best first: larger z, then lower index. Kept are those that stand before this one.
struct Cutoff {
  float z = -std::numeric_limits<float>::infinity();
  int64_t index = std::numeric_limits<int64_t>::max();  // of equals, those below are kept
};

struct Candidate {
  float z;
  int32_t index;
  uint64_t weight;
};

/// Memory for n candidates that belongs to the thread; grows, never shrinks.
Candidate* candidate_scratch(int64_t n);

/// The end of the shortest best-first run of candidates whose weights reach `needed`. The
/// candidates stand in ascending index, weigh at least `needed` together (needed >= 1), and are
/// overwritten.
Cutoff shortest_run(Candidate* candidates, int64_t n, uint64_t needed);

}  // namespace r1
