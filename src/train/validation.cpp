#include "train/validation.h"

#include <algorithm>
#include <cmath>

#include "data/last_digit.h"
#include "data/packing.h"
#include "train/examples.h"

namespace r1 {
namespace {

constexpr int64_t kNeverReached = int64_t{1} << 40;  // documents of the built-in corpus from here

bool is_same_file(const Path& a, const Path& b) {
  std::error_code error;
  return std::filesystem::equivalent(a, b, error) && !error;
}

}  // namespace

void Validation::add(const std::vector<int32_t>& tokens, std::vector<float> weights,
                     bool ends_document, int64_t max_length) {
  const int64_t n = std::ssize(tokens);
  for (int64_t begin = 0; begin + 1 < n; begin += max_length) {
    const int64_t end = std::min(n, begin + max_length + 1);
    Window window;
    window.sequence.tokens.assign(tokens.begin() + begin, tokens.begin() + end);
    window.sequence.weights.assign(weights.begin() + begin, weights.begin() + end);
    window.sequence.weights[0] = 0.0f;
    window.ends_document = ends_document && end == n;
    n_tokens_ += std::count_if(window.sequence.weights.begin(), window.sequence.weights.end(),
                               [](float w) { return w != 0.0f; });
    windows_.push_back(std::move(window));
  }
}

Result<Validation> Validation::open(const ValidationConfig& config,
                                    const std::string& training_data, const DatasetOptions& columns,
                                    const PackingConfig& packing, const Chat& chat, uint64_t seed,
                                    int64_t vocab_size, int64_t max_length, ThreadPool& pool) {
  const Tokenizer& tokenizer = chat.tokenizer();
  if (config.eval_tokens < 2)
    return fail("eval_tokens is {}; it must be at least 2", config.eval_tokens);
  Validation v;
  if (config.eval_data == kLastDigitData) {
    for (int64_t i = kNeverReached; v.n_tokens_ < config.eval_tokens; ++i) {
      const Document document = last_digit_document(seed, i);
      const TokenSequence s = document_example(tokenizer, document);
      v.add(s.tokens, s.weights, tokenizer.eos_id() == s.tokens.back(), max_length);
      v.n_bytes_ += std::ssize(document.completion);
    }
    return v;
  }
  if (is_same_file(config.eval_data, training_data)) {
    return fail("eval_data {} is what the run learns from; hold other text out", config.eval_data);
  }
  R1_TRY(const TokenFile corpus,
         open_corpus(config.eval_data, {packing.document_separator, columns}, tokenizer, pool));
  const auto eos = tokenizer.eos_id();
  const size_t n_opening = tokenizer.affixes().first.size();
  for (int64_t i = 0; i < corpus.n_documents() && v.n_tokens_ < config.eval_tokens; ++i) {
    R1_TRY(std::vector<int32_t> tokens, corpus.document(i, vocab_size));
    int64_t bytes = corpus.text_bytes(i);
    bool ends = eos && !tokens.empty() && tokens.back() == *eos;
    if (n_opening == 0 && eos) tokens.insert(tokens.begin(), *eos);
    const int64_t most = config.eval_tokens - v.n_tokens_ + 1;
    if (std::ssize(tokens) > most) {  // the text of a cut document is measured anew
      tokens.resize(static_cast<size_t>(most));
      bytes = std::ssize(tokenizer.decode(tokens));
      ends = false;
    }
    v.add(tokens, std::vector<float>(tokens.size(), 1.0f), ends, max_length);
    v.n_bytes_ += bytes;
  }
  if (v.n_tokens_ == 0 || v.n_bytes_ == 0)
    return fail("{}: no text to measure a loss on", config.eval_data);
  return v;
}

Validation::Loss Validation::measure(Learner& learner, int64_t micro_batch_tokens) const {
  std::vector<int64_t> lengths;
  for (const Window& w : windows_) lengths.push_back(std::ssize(w.sequence.tokens) - 1);
  double nats = 0, text_nats = 0;
  for (const std::vector<int>& members : pack(lengths, micro_batch_tokens)) {
    std::vector<const TokenSequence*> views;
    for (const int i : members) views.push_back(&windows_[static_cast<size_t>(i)].sequence);
    const std::vector<float> logp =
        score_batch(learner.model(), Batch(views), 1.0f,
                    Context{learner.launch(), learner.arena(), learner.kv_dtype()});
    size_t row = 0;
    for (const int i : members) {
      const Window& window = windows_[static_cast<size_t>(i)];
      const auto& weights = window.sequence.weights;
      for (size_t t = 1; t < weights.size(); ++t) {
        if (weights[t] == 0.0f) continue;
        const double loss = -static_cast<double>(logp[row++]);
        nats += loss;
        if (!(window.ends_document && t + 1 == weights.size())) text_nats += loss;
      }
    }
  }
  return {nats / static_cast<double>(n_tokens_),
          text_nats / std::log(2.0) / static_cast<double>(n_bytes_)};
}

}  // namespace r1
