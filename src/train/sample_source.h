// Where completions come from: a model of this machine, or a server.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "train/sample.h"

namespace r1 {

struct DrawnText {
  std::string text;
  bool finished = false, opens_think = false;
  int64_t n_tokens = -1;  // -1: the server does not say
};

/// One thread drives it.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  /// The problems that can be asked; warns about the others.
  virtual Result<std::vector<Problem>> usable(std::vector<Problem> problems,
                                              const QualityFilters& filters) = 0;
  /// config.samples completions of each, in order; draws are keyed by (seed, first + i, sample).
  virtual Result<std::vector<DrawnText>> draw(std::span<const Problem> problems, int64_t first) = 0;
  /// SHA-256 of the weights; "" of a server's model.
  virtual std::string weights_sha256() const = 0;
  /// What asking has cost; null for a model of this machine.
  virtual const CostMeter* cost() const { return nullptr; }
  /// Whether prompts go through a chat template.
  virtual bool has_template() const = 0;
  /// Whether the prompt leaves room for max_tokens; true where that is not known.
  virtual bool has_room(const Problem& problem) const = 0;
  /// Of a text; -1 where that is not known.
  virtual int64_t count_tokens(const std::string& text) const = 0;
};

Result<std::unique_ptr<SampleSource>> open_local_source(const SampleConfig& config,
                                                        const Machine& machine);
Result<std::unique_ptr<SampleSource>> open_remote_source(const SampleConfig& config);

/// Ends a text at the first of the stop texts; true when there was one.
bool cut_at_stop(std::string& text, const std::vector<std::string>& stops);

}  // namespace r1
