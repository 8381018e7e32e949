// Many conversations at once: continuous batching over paged keys and values.
#pragma once

#include <algorithm>
#include <deque>
#include <list>
#include <memory>

#include "engine/kv_pages.h"
#include "engine/sequence.h"

namespace r1 {

struct EngineConfig {
  int64_t max_sequences = 64;   // that decode at once
  int64_t prefill_chunk = 256;  // prompt rows a step, beside the decoding rows
  int64_t n_pages = 0;          // of 64 positions; 0: enough for max_sequences at full length
  int64_t max_length = 0;       // positions of one sequence; 0: the model's

  void visit(auto&& f) {
    f("max_sequences", max_sequences, "conversations that decode at once");
    f("prefill_chunk", prefill_chunk, "prompt tokens computed per step beside the decoding ones");
    f("n_pages", n_pages, "KV pages of 64 positions; 0: enough for all sequences at full length");
    f("max_length", max_length, "positions of one conversation; 0: what the model allows");
  }
  /// The positions of one conversation of a model that allows max_positions.
  int64_t length(int64_t max_positions) const {
    return max_length > 0 ? std::min(max_length, max_positions) : max_positions;
  }
  /// KV pages the engine takes.
  int64_t page_count(int64_t max_positions) const;
  Result<void> validate(int64_t max_positions) const;
};

struct EngineStats {
  int64_t n_steps = 0, n_prefill = 0, n_decode = 0;  // steps, rows, rows
  int64_t n_preempted = 0, n_shared_pages = 0;
};

/// Batching, chunking, sharing and preemption change no sampled token and no logp bit: draws are
/// keyed by (seed, stream, position) and every kernel is row-invariant. One thread drives it.
class Engine {
 public:
  /// The model must outlive the engine and may change (refresh) only while it is idle.
  Engine(const Transformer& model, Dtype kv_dtype, const EngineConfig& config,
         const Launch& launch);

  /// Queues a request; ids are the caller's. Refused: an empty prompt, one that leaves no
  /// room, sampling parameters out of range.
  Result<void> submit(Request request);
  /// Ends a request's samples with FinishReason::kCancelled; from a callback, after the batch.
  void cancel(int64_t id);
  /// One batch. False when nothing is left to do.
  bool step();
  void run() {
    while (step()) {
    }
  }

  int64_t max_length() const { return max_length_; }
  const EngineStats& stats() const { return stats_; }
  size_t peak_bytes() const { return arena_.peak(); }

 private:
  struct Job {  // a sequence's share of one batch
    Sequence* sequence;
    int64_t n_rows;
  };
  struct Active {
    Request request;
    int n_left = 0;
  };

  void admit();
  std::vector<Job> schedule();
  bool reserve(Sequence& sequence, int64_t n_tokens);
  bool preempt_one(const Sequence& keep);
  Tensor forward(const std::vector<Job>& jobs, Context& ctx);
  void sample(const std::vector<Job>& jobs, Tensor h, Context& ctx);
  void fork(Sequence& leader);
  void draw(Context& ctx, Tensor h, std::span<const std::pair<Sequence*, int32_t>> rows);
  void penalize(const Sequence& sequence, Tensor logits, int64_t row) const;
  bool accept(Sequence& sequence, int32_t token, float logp);
  void finish(Sequence& sequence, FinishReason reason);
  void release_pages(Sequence& sequence);

  const Transformer& model_;
  EngineConfig config_;
  Launch launch_;
  Dtype kv_dtype_;
  int64_t max_length_;
  Arena arena_;
  KvPages pages_;
  std::list<Active> requests_;
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;  // in order of admission
  EngineStats stats_;
  bool is_stepping_ = false;
  std::vector<int64_t> to_cancel_;  // asked for by callbacks of the current batch
  // one batch, reused
  std::vector<int32_t> tokens_, positions_, offsets_, page_table_;
};

}  // namespace r1
