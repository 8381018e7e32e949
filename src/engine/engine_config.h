// How large an engine is, and what its numbers must be.
#pragma once

#include <algorithm>

#include "engine/sequence.h"
#include "models/transformer.h"

namespace r1 {

struct EngineConfig {
  int64_t max_sequences = 64;   // that decode at once
  int64_t prefill_chunk = 256;  // prompt rows a step, beside the decoding rows
  int64_t n_pages = 0;          // of 64 positions; 0: enough for max_sequences at full length
  int64_t max_length = 0;       // positions of one sequence; 0: the model's
  int64_t speculate = 0;        // tokens drafted a step; verbs list it among their own options

  void visit(auto&& f) {
    f("max_sequences", max_sequences, "conversations that decode at once");
    f("prefill_chunk", prefill_chunk, "prompt tokens computed per step beside the decoding ones");
    f("n_pages", n_pages, "KV pages of 64 positions; 0: enough for all sequences at full length");
    f("max_length", max_length, "positions of one conversation; 0: what the model allows");
  }
  static constexpr const char* kSpeculateHelp =
      "tokens that the model's MTP module guesses ahead a step, each checked by the model: same "
      "text, sooner for few conversations at once; 0: none";

  /// The positions of one conversation of a model that allows max_positions.
  int64_t length(int64_t max_positions) const {
    return max_length > 0 ? std::min(max_length, max_positions) : max_positions;
  }
  /// KV pages the engine takes.
  int64_t page_count(int64_t max_positions) const;
  /// Rows of one batch, at most, and those among them that draw a token.
  int64_t most_rows() const { return most_drawn() + prefill_chunk; }
  int64_t most_drawn() const { return max_sequences * (1 + speculate); }
  Result<void> validate(const Transformer& model) const;
};

/// The error names the parameter that is out of range.
Result<void> validate(const SamplingParams& params);

}  // namespace r1
