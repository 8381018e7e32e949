// Generated tokens to text that is safe to show now, and the parting of reasoning from content.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/decoder.h"
#include "text/tokenizer.h"

namespace r1 {

/// Holds back incomplete characters and what may become a stop string. All that push and finish
/// return, joined, equals Tokenizer::decode of the pushed ids, cut before the first stop string.
class TokenStream {
 public:
  /// The tokenizer must outlive the stream.
  explicit TokenStream(const Tokenizer& tokenizer, std::vector<std::string> stops = {},
                       bool skip_special = true);

  /// A token of the prompt: what follows is decoded as its continuation, but it is not returned.
  void skip(int32_t id);
  std::string push(int32_t id);
  /// What was held back; broken bytes become U+FFFD.
  std::string finish();

  /// A stop string came: nothing more will be returned.
  bool is_stopped() const { return !stop_.empty(); }
  /// The stop string that came, or "".
  const std::string& stop() const { return stop_; }

 private:
  std::string release(bool is_last);
  bool find_stop();
  size_t possible_stop_suffix() const;

  const Tokenizer* tokenizer_;
  std::vector<std::string> stops_;
  bool skip_special_;
  Decoder::State state_;
  std::string bytes_;      // not yet whole characters
  std::string held_;       // valid text that may be part of a stop string
  size_t n_searched_ = 0;  // of held_: no stop string ends in it
  std::string stop_;
};

/// Text of one kind.
struct ThinkPiece {
  bool is_reasoning = false;
  std::string text;
  bool operator==(const ThinkPiece&) const = default;
};

/// Parts what stands between <think> and </think> from the rest, however the text is cut. There is
/// one such part: tags after </think> are content. The tags are dropped, the text is left as it is.
class ThinkSplitter {
 public:
  /// starts_in_think: the prompt ended with <think> already.
  explicit ThinkSplitter(bool starts_in_think = false)
      : phase_(starts_in_think ? Phase::kInside : Phase::kBefore) {}

  std::vector<ThinkPiece> feed(std::string_view text);
  std::vector<ThinkPiece> finish();

  bool is_reasoning() const { return phase_ == Phase::kInside; }

 private:
  enum class Phase { kBefore, kInside, kAfter };
  Phase phase_;
  std::string held_;  // may be the start of the next tag
};

}  // namespace r1
