// A local model that answers questions, many at once.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/chat.h"
#include "engine/engine.h"

namespace r1 {

struct AnswererOptions {
  std::string dtype = "auto", quantize = {};  // see LoadOptions
  SamplingParams params;
  int64_t max_tokens = 1024;  // of one answer
  int64_t max_sequences = 8;  // at once
};

struct ModelAnswer {
  std::string text;
  bool finished = false;  // ended by itself, not by max_tokens
};

/// Equal answers to equal questions and seeds, whatever they are asked with. Any thread may call
/// answer; one call runs at a time.
class Answerer {
 public:
  static Result<std::unique_ptr<const Answerer>> open(const Path& model,
                                                      const AnswererOptions& options);

  /// One question is one message of a user; special tokens in it are plain text to the model. The
  /// answers come in order, an error for a question that does not fit.
  std::vector<Result<ModelAnswer>> answer(std::span<const std::string> questions, uint64_t seed,
                                          ThreadPool& pool) const;

  Answerer(LoadedModel loaded, Chat chat, AnswererOptions options, Backend backend);

 private:
  std::string plain(std::string text) const;

  LoadedModel loaded_;
  Chat chat_;
  AnswererOptions options_;
  Backend backend_;
  std::vector<std::string> special_;  // the special tokens as text
  mutable std::mutex mutex_;
};

}  // namespace r1
