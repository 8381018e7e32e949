#include "kernels/sampling_cutoff.h"

#include <bit>
#include <vector>

#include "base/error.h"

namespace r1 {
namespace {

/// Smaller keys stand earlier; equal numbers (also 0 and -0) have equal keys.
uint32_t rank_key(float z) {
  const uint32_t bits = std::bit_cast<uint32_t>(z + 0.0f);
  return bits >> 31 ? bits : ~bits & 0x7FFFFFFF;
}

}  // namespace

Candidate* candidate_scratch(int64_t n) {
  thread_local std::vector<Candidate> scratch;
  if (static_cast<int64_t>(scratch.size()) < n) scratch.resize(n);
  return scratch.data();
}

Cutoff shortest_run(Candidate* candidates, int64_t n, uint64_t needed) {
  for (int shift = 24; shift >= 0; shift -= 8) {  // one byte of the key at a time, highest first
    uint64_t weights[256] = {};
    auto digit = [&](const Candidate& c) { return rank_key(c.z) >> shift & 255; };
    for (int64_t i = 0; i < n; ++i) weights[digit(candidates[i])] += candidates[i].weight;
    uint32_t last = 0;
    while (last < 255 && needed > weights[last]) needed -= weights[last++];
    int64_t n_left = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (digit(candidates[i]) == last) candidates[n_left++] = candidates[i];
    }
    n = n_left;
  }
  CHECK(n > 0 && candidates[0].weight > 0, "shortest_run: the weights do not reach {} more",
        needed);
  const int64_t n_equals = static_cast<int64_t>((needed - 1) / candidates[0].weight) + 1;
  CHECK(n_equals <= n, "shortest_run: {} equals, {} wanted", n, n_equals);
  return {candidates[0].z, int64_t{candidates[n_equals - 1].index} + 1};
}

}  // namespace r1
