#include "data/packing.h"

#include "base/error.h"

namespace r1 {

std::vector<std::vector<int>> pack(std::span<const int64_t> lengths, int64_t max_tokens) {
  CHECK(max_tokens > 0, "pack: max_tokens {}", max_tokens);
  std::vector<std::vector<int>> batches;
  int64_t left = -1;  // rows left in the last batch
  for (size_t i = 0; i < lengths.size(); ++i) {
    CHECK(lengths[i] >= 0, "pack: sequence {} has length {}", i, lengths[i]);
    if (batches.empty() || lengths[i] > left) {
      batches.emplace_back();
      left = max_tokens;
    }
    batches.back().push_back(static_cast<int>(i));
    left -= lengths[i];
  }
  return batches;
}

}  // namespace r1
