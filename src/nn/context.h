// What every module is handed: where to compute, where activations live, and one packed batch of
// rows.
#pragma once

#include "kernels/attention.h"
#include "kernels/backend.h"
#include "tensor/arena.h"

namespace r1 {

struct ExpertTally;

/// One thread drives a Context at a time.
struct Context {
  Launch launch;
  Arena& arena;
  Dtype kv_dtype = Dtype::kF32;  // keys and values are rounded to it, in training as in sampling
  bool recompute = false;        // keep only each block's input; run its forward again in backward
  bool adapters = true;          // low-rank adapters take part; off: the base alone
  ExpertTally* experts = nullptr;  // counts the experts' rows in backward passes; null: nobody does

  Tensor f32(std::initializer_list<int64_t> shape) { return arena.f32(shape); }
  bool plans() const { return launch.plans(); }
};

/// Gives back, at the end of a scope, what the scope took from the arena.
class ArenaScope {
 public:
  explicit ArenaScope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~ArenaScope() { arena_.rewind(mark_); }
  ArenaScope(const ArenaScope&) = delete;

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

/// One packed batch. Prefill, decode, training and scoring differ in these numbers only.
struct Rows {
  BatchView batch;                      // N rows of B sequences
  const int32_t* tokens = nullptr;      // (N)
  const int32_t* page_table = nullptr;  // (B, max_pages)
  int64_t max_pages = 0;
  int64_t n_pages = 0;  // training: pages the table names, 0 … n_pages - 1
  std::byte* kv_base =
      nullptr;  // the engine's pages; null in training, where attention makes its own
  int64_t kv_layer_stride = 0;  // bytes
  int64_t kv_page_stride = 0;
};

}  // namespace r1
