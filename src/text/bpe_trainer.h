// Learns a byte-level BPE vocabulary from text and writes it as tokenizer.json.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"

namespace r1 {

struct BpeTrainerConfig {
  int64_t vocab_size = 32000;
  std::string pattern = "qwen2";
  std::vector<std::string> special_tokens = {"<|endoftext|>"};
  int64_t min_frequency = 2;

  void visit(auto&& f) {
    f("vocab_size", vocab_size,
      "tokens at most: special tokens, 256 bytes, and one for each merge");
    f("pattern", pattern, "how text is cut into words: gpt2, llama3, qwen2 or deepseek_v3");
    f("special_tokens", special_tokens,
      "come first, in this order; the first one becomes the end-of-text token");
    f("min_frequency", min_frequency, "a pair that occurs less often is not merged");
  }
};

/// Merges as Hugging Face's BpeTrainer: the most frequent pair, of equals that of smaller ids.
/// Deviation: words beyond kMaxWordBytes are cut, so that a megabyte without spaces does no harm;
/// beyond kMaxWords different words the rarest are forgotten.
class BpeTrainer {
 public:
  static constexpr size_t kMaxWordBytes = 4096, kMaxWords = size_t{1} << 23;

  static Result<BpeTrainer> make(const BpeTrainerConfig& config);

  /// Counts the words of one document.
  void add(std::string_view text);
  size_t n_words() const { return counts_.size(); }

  /// The tokenizer.json. on_progress(merges so far, merges at most) may be empty.
  std::string train(const std::function<void(int64_t, int64_t)>& on_progress = {});

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const;
  };

  BpeTrainer() = default;
  void count_word(std::string_view word);
  void forget_rarest();

  BpeTrainerConfig config_;
  std::string parts_json_;  // normalizer, pre_tokenizer and decoder, as they will be written
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  PieceScratch pieces_;
  std::unique_ptr<RegexScratch> regex_ = std::make_unique<RegexScratch>();
  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> counts_;
  int64_t forgotten_ = 0;  // words of at most this count were dropped
};

}  // namespace r1
