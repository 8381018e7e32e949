// Loss on text that is held out: nats a token, and bits a byte, which no tokenizer flatters.
#pragma once

#include "train/documents.h"
#include "train/learner.h"

namespace r1 {

struct ValidationConfig {
  std::string eval_data;
  int64_t eval_steps = 0;
  int64_t eval_tokens = 65536;

  void visit(auto&& f) {
    f("eval_data", eval_data,
      "held-out text: as data; builtin:last_digit: documents that training never reaches");
    f("eval_steps", eval_steps,
      "measure eval_loss and eval_bpb every so many steps, before the first and after the last; 0: "
      "only then");
    f("eval_tokens", eval_tokens, "measure on so many tokens from the beginning of eval_data");
  }
  bool is_due(int64_t step) const {
    return !eval_data.empty() && eval_steps > 0 && step % eval_steps == 0;
  }
};

/// The same sequences at every measurement. Windows of one document overlap by a token, so that
/// each of its tokens is predicted once; the first follows BOS or, without one, the end token of
/// nothing.
class Validation {
 public:
  /// training_data: what the run learns from; the same file is an error.
  static Result<Validation> open(const ValidationConfig& config, const std::string& training_data,
                                 const DatasetOptions& columns, const PackingConfig& packing,
                                 const Chat& chat, uint64_t seed, int64_t vocab_size,
                                 int64_t max_length, ThreadPool& pool);

  struct Loss {
    double nats_per_token = 0;  // end tokens count
    double bits_per_byte = 0;   // of the text: end tokens do not
  };
  Loss measure(Learner& learner, int64_t micro_batch_tokens) const;

  int64_t n_tokens() const { return n_tokens_; }
  int64_t n_bytes() const { return n_bytes_; }

 private:
  struct Window {
    TokenSequence sequence;
    bool ends_document = false;  // its last token is no text
  };
  void add(const std::vector<int32_t>& tokens, std::vector<float> weights, bool ends_document,
           int64_t max_length);

  std::vector<Window> windows_;
  int64_t n_tokens_ = 0, n_bytes_ = 0;  // predicted tokens; bytes of their text
};

}  // namespace r1
