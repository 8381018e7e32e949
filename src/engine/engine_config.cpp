#include "engine/engine_config.h"

#include <cmath>

#include "engine/kv_pages.h"

namespace r1 {
namespace {

constexpr int64_t kMostRows = 65536;
constexpr int64_t kMostDrafts = 16;

Result<void> check_speculation(int64_t n, const Transformer& model) {
  if (n < 0 || n > kMostDrafts) {
    return fail("speculate is {}; it must be from 0 (off) to {}", n, kMostDrafts);
  }
  if (n == 0 || !model.mtp().empty()) return {};
  return fail(
      "speculate is {}, but the model has no module for multi-token prediction: {}; set it to 0", n,
      model.config().n_mtp_layers > 0
          ? "its config.json names one (num_nextn_predict_layers), its weights hold none"
          : "num_nextn_predict_layers of its config.json is absent or 0");
}

}  // namespace

int64_t EngineConfig::page_count(int64_t max_positions) const {
  return n_pages > 0 ? n_pages : max_sequences * pages_for(length(max_positions));
}

Result<void> EngineConfig::validate(const Transformer& model) const {
  const int64_t max_positions = model.config().max_positions;
  if (max_sequences < 1 || max_sequences > kMostRows) {
    return fail("engine.max_sequences is {}; it must be from 1 to {}", max_sequences, kMostRows);
  }
  if (prefill_chunk < 1 || prefill_chunk > kMostRows) {
    return fail("engine.prefill_chunk is {}; it must be from 1 to {}", prefill_chunk, kMostRows);
  }
  if (max_length < 0) return fail("engine.max_length is {}; it must not be negative", max_length);
  const int64_t needed = pages_for(length(max_positions));
  if (n_pages != 0 && n_pages < needed) {
    return fail("engine.n_pages is {}; a conversation of {} positions needs {}", n_pages,
                length(max_positions), needed);
  }
  return check_speculation(speculate, model);
}

Result<void> validate(const SamplingParams& p) {
  if (!(p.temperature >= 0) || !std::isfinite(p.temperature)) {
    return fail("temperature is {}; it must be 0 (greedy) or more", p.temperature);
  }
  if (p.top_k < 0) return fail("top_k is {}; it must be 0 (off) or more", p.top_k);
  if (!(p.top_p > 0 && p.top_p <= 1)) {
    return fail("top_p is {}; it must be above 0 and at most 1 (off)", p.top_p);
  }
  if (!(p.min_p >= 0 && p.min_p <= 1)) {
    return fail("min_p is {}; it must be from 0 (off) to 1", p.min_p);
  }
  if (!(p.repetition_penalty > 0) || !std::isfinite(p.repetition_penalty)) {
    return fail("repetition_penalty is {}; it must be above 0 (1: off)", p.repetition_penalty);
  }
  return {};
}

const char* finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "?";
}

}  // namespace r1
