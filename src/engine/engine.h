// Many conversations at once: continuous batching over paged keys and values.
#pragma once

#include <deque>
#include <list>
#include <memory>

#include "engine/draw.h"
#include "engine/engine_config.h"
#include "engine/side_by_side.h"
#include "engine/speculative.h"

namespace r1 {

struct EngineStats {
  int64_t n_steps = 0, n_prefill = 0, n_decode = 0;  // steps, rows, rows
  int64_t n_preempted = 0, n_shared_pages = 0;
  int64_t n_drafted = 0, n_accepted = 0;  // guesses of the MTP module, and those that stood

  double acceptance_rate() const {
    return n_drafted > 0 ? static_cast<double>(n_accepted) / static_cast<double>(n_drafted) : 0.0;
  }
};

/// For people: speculation: 310 of 412 guesses stood (75.2 %)
std::string describe_speculation(const EngineStats& stats);

/// Batching, chunking, sharing, preemption and speculation change no sampled token and no logp bit:
/// draws are keyed by (seed, stream, position) and every kernel is row-invariant. One thread drives
/// it.
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
  size_t peak_bytes() const { return arena_.peak() + side_by_side_.peak_bytes(); }

 private:
  struct Active {
    Request request;
    int n_left = 0;
  };

  void admit();
  std::vector<Job> schedule();
  bool reserve(Sequence& sequence, int64_t n_tokens);
  int64_t draft_room(const Sequence& sequence) const;
  bool preempt_one(const Sequence& keep);
  Tensor forward(const std::vector<Job>& jobs, Context& ctx);
  void sample(const std::vector<Job>& jobs, Tensor h, Context& ctx);
  void fork(Sequence& leader);
  void draw(Context& ctx, Tensor h, std::span<const Drawer> drawers);
  void settle(const Drawer& drawer, Tensor h, std::span<const int32_t> drawn, const float* logp,
              std::span<KeptTokens> kept);
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
  RowBatch batch_;
  SideBySide side_by_side_;
  std::unique_ptr<Drafter> drafter_;  // null: no speculation
};

}  // namespace r1
