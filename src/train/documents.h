// Training documents one after the other, as sequences of one optimizer step.
#pragma once

#include <optional>

#include "base/random.h"
#include "data/cursor.h"
#include "data/packing.h"
#include "data/tokenize.h"
#include "engine/chat.h"

namespace r1 {

struct PackingConfig {
  std::string packing = "documents";
  double fim_rate = 0.0;
  std::string document_separator = {};

  void visit(auto&& f) {
    f("packing", packing,
      "documents (each is a sequence of its own), or stream (documents follow one another in "
      "windows of max_length, and attention sees across them, as DeepSeek-V3 pretrains)");
    f("fim_rate", fim_rate,
      "share of documents whose middle is to be filled in, as prefix, suffix, middle; V3: 0.1");
    f("document_separator", document_separator,
      "what stands between the documents of a text file; none: the file is one document");
  }
  Result<void> validate(const Tokenizer& tokenizer) const;
};

/// The three tokens of fill-in-the-middle.
struct FimTokens {
  int32_t begin, hole, end;
};
/// DeepSeek's or Qwen's; absent where the vocabulary lacks them.
std::optional<FimTokens> fim_tokens(const Tokenizer& tokenizer);

/// begin prefix hole suffix end middle, cut at two uniform places; the tokens that open and close
/// the document stay where they are.                                [DeepSeek-V3, section 4.1: PSM]
std::vector<int32_t> fill_in_the_middle(const std::vector<int32_t>& ids, int64_t n_opening,
                                        int64_t n_closing, const FimTokens& fim, Rng& rng);

/// The built-in corpus, which has no end, or shuffled passes over a corpus. One thread at a time.
class Documents {
 public:
  /// data: kLastDigitData, a token file, text or JSON Lines.
  static Result<Documents> open(const std::string& data, const DatasetOptions& columns,
                                const PackingConfig& packing, const Chat& chat, uint64_t seed,
                                int64_t vocab_size, int64_t max_length, ThreadPool& pool);

  /// Documents (long ones in pieces of max_length) or windows, until there are at least n_tokens.
  Result<std::vector<TokenSequence>> next(int64_t n_tokens);

  std::string state() const;  // JSON: where the next sequence begins
  Result<void> resume(const std::string& state);

 private:
  struct Place {
    int64_t epoch = 0, position = 0;  // built-in: position is the document's index
  };
  Documents(const PackingConfig& packing, const Chat& chat, uint64_t seed, int64_t vocab_size,
            int64_t max_length)
      : packing_(packing),
        chat_(chat),
        seed_(seed),
        vocab_size_(vocab_size),
        max_length_(max_length) {}

  Place place() const;
  Result<void> go_to(Place place);
  Result<TokenSequence> next_document();
  Result<TokenSequence> next_piece();
  Result<TokenSequence> next_window();

  PackingConfig packing_;
  Chat chat_;
  uint64_t seed_;
  int64_t vocab_size_, max_length_, index_ = 0;
  std::optional<TokenFile> corpus_;
  std::optional<DataCursor> cursor_;
  std::optional<FimTokens> fim_;
  // the document that the next sequence goes on with
  TokenSequence current_;
  Place current_place_;
  int64_t offset_ = 0;
  int32_t last_token_ = -1;  // stream: of the window before; -1: none
};

}  // namespace r1
