// A teacher's likeliest tokens at every position that is learned, computed once and kept in a file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "train/distill_loss.h"
#include "train/learner.h"

namespace r1 {

/// Row i belongs to the i-th loss row of all sequences, in order.
class TeacherCache {
 public:
  /// What the cache depends on: the tokens and weights of the sequences, k, the temperature and the
  /// teacher's name.
  static std::string key_of(const std::vector<TokenSequence>& sequences, int64_t k,
                            double temperature, const std::string& teacher);

  /// Runs the teacher over all sequences. n_vocabulary: the first logits, which count.
  static TeacherCache compute(const Transformer& teacher,
                              const std::vector<TokenSequence>& sequences, int64_t k,
                              double temperature, int64_t n_vocabulary, int64_t micro_batch_tokens,
                              Dtype kv_dtype, const Launch& launch);

  /// FILE.safetensors with ids, logp and rest, and FILE.key beside it.
  Result<void> write(const Path& file, const std::string& key) const;
  /// An error where the file is damaged; nothing where it is absent or of another key.
  static Result<std::optional<TeacherCache>> read(const Path& file, const std::string& key);

  TopK row(int64_t i) const;
  int64_t n_rows() const { return static_cast<int64_t>(rest_.size()); }
  int64_t k() const { return k_; }

 private:
  int64_t k_ = 0;
  std::vector<int32_t> ids_;
  std::vector<float> logp_, rest_;
};

}  // namespace r1
