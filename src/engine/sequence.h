// What a caller asks of the engine, and what comes back.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace r1 {

struct SamplingParams {
  float temperature = 1.0f;  // 0: greedy
  int32_t top_k = 0;         // 0: off
  float top_p = 1.0f;        // 1: off
  float min_p = 0.0f;        // 0: off
  float repetition_penalty =
      1.0f;  // 1: off; divides positive and multiplies negative logits of seen tokens
  uint64_t seed = 0;

  void visit(auto&& f) {
    f("temperature", temperature, "softmax temperature; 0 takes the likeliest token");
    f("top_k", top_k, "sample among the k likeliest tokens; 0: all");
    f("top_p", top_p, "sample among the fewest tokens whose probability reaches p; 1: all");
    f("min_p", min_p, "drop tokens below p times the likeliest one's probability; 0: none");
    f("repetition_penalty", repetition_penalty, "above 1: makes tokens already seen less likely");
    f("seed", seed, "same seed, same text");
  }
};

/// Whether some tokens cannot be drawn at all.
inline bool truncates(const SamplingParams& p) {
  return p.temperature > 0 && (p.top_k > 0 || p.top_p < 1 || p.min_p > 0);
}

enum class FinishReason { kStop, kLength, kCancelled };
const char* finish_reason_name(FinishReason reason);  // stop, length, cancelled

/// The tokens that could be drawn, ascending; empty: every token.
using KeptTokens = std::vector<int32_t>;

/// One sampled completion. logp are those of softmax(logits / temperature) (temperature 1 when
/// greedy), before top-k, top-p, min-p and the penalty, or with keep_sampling_mask over the tokens
/// that these kept: the trainer's log-probabilities, bit for bit.
struct Completed {
  int64_t request = 0;
  int sample = 0;
  std::vector<int32_t> tokens;  // with the stop token, when one was drawn
  std::vector<float> logp;
  std::vector<KeptTokens> kept = {};  // of each token, when they were asked for
  FinishReason reason = FinishReason::kStop;
};

/// A prompt and how to go on from it. All samples share the prompt's pages.
struct Request {
  int64_t id = 0;
  std::vector<int32_t> prompt;          // not empty
  std::vector<uint64_t> streams = {0};  // one sample each: the key of its random numbers
  SamplingParams params;
  int64_t max_tokens = 16;
  std::vector<int32_t> stop_tokens;
  /// Says with each token which ones could be drawn in its place, and logp among those alone.
  bool keep_sampling_mask = false;
  /// Called with each token as it is drawn; false ends that sample (stop strings, a client gone).
  std::function<bool(int sample, int32_t token, float logp)> on_token;
  /// Called once for each sample.
  std::function<void(Completed&&)> on_done;
};

/// One conversation in the engine.
struct Sequence {
  const Request* request = nullptr;
  int sample = 0;                // index into streams
  bool leads_group = false;      // computes the prompt for all samples of its request
  std::vector<int32_t> tokens;   // prompt, then what was drawn
  std::vector<float> logp;       // of what was drawn
  std::vector<KeptTokens> kept;  // of what was drawn, when asked for
  int64_t n_computed = 0;        // tokens whose keys and values are in the pages
  std::vector<int32_t> pages;
  int64_t n_preempted = 0;
  // speculation
  std::vector<int32_t> drafts;  // guesses of the tokens after the last, in the batch under way
  int64_t n_taught = 0;         // positions whose keys and values the MTP module has
  std::vector<float> hidden;    // (n_computed - n_taught, C): the model's output there, once drawn

  int64_t n_pending() const { return static_cast<int64_t>(tokens.size()) - n_computed; }
  /// After its pages were taken: all is computed again.
  void start_over() {
    n_computed = n_taught = 0;
    drafts.clear();
    hidden.clear();
  }
};

/// A sequence's share of one batch.
struct Job {
  Sequence* sequence;
  int64_t n_rows;        // tokens that are not in the pages yet
  int64_t n_drafts = 0;  // guesses beside them
};

}  // namespace r1
