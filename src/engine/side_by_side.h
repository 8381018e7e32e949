// One forward pass of a small model on several threads, each with whole sequences of its own.
#pragma once

#include <memory>
#include <vector>

#include "models/transformer.h"

namespace r1 {

/// The threads meet once a pass, where Transformer::forward alone would have them meet at each of
/// its products: of a small model these are done in less time than a meeting takes. Equal bits,
/// since a row depends on no other sequence. One thread drives it.
class SideBySide {
 public:
  explicit SideBySide(const Transformer& model);

  /// Whether the weights stay in cache when each thread reads all of them on its own.
  static bool suits(const Transformer& model);
  /// Of every row, (N, C). Rows are those of an engine: keys and values lie in its pages.
  Tensor forward(Context&, const Rows&);
  /// Of the threads' own activations.
  size_t peak_bytes() const;

 private:
  struct Part {  // sequences [first, end)
    int64_t first, end;
  };
  /// Even shares of the work, or none where there is too little or one sequence has most of it.
  std::vector<Part> cut(const BatchView&, int64_t n_threads) const;

  const Transformer& model_;
  bool suits_;
  std::vector<std::unique_ptr<Arena>> arenas_;  // one for each part
  std::vector<std::vector<int32_t>> offsets_;
};

}  // namespace r1
