#include "text/stream.h"

#include <algorithm>

#include "text/unicode.h"

namespace r1 {
namespace {

/// Length of the longest end of text that is a beginning, but not the whole, of `wanted`.
size_t suffix_that_begins(std::string_view text, std::string_view wanted) {
  for (size_t n = std::min(text.size(), wanted.size() - 1); n > 0; --n) {
    if (text.ends_with(wanted.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

TokenStream::TokenStream(const Tokenizer& tokenizer, std::vector<std::string> stops,
                         bool skip_special)
    : tokenizer_(&tokenizer), stops_(std::move(stops)), skip_special_(skip_special) {
  std::erase(stops_, "");
}

void TokenStream::skip(int32_t id) {
  if (skip_special_ && tokenizer_->is_special(id)) return;
  std::string unseen;
  tokenizer_->decoder().append(id, state_, unseen);
}

std::string TokenStream::push(int32_t id) {
  if (is_stopped() || (skip_special_ && tokenizer_->is_special(id))) return "";
  tokenizer_->decoder().append(id, state_, bytes_);
  return release(false);
}

std::string TokenStream::finish() { return is_stopped() ? "" : release(true); }

std::string TokenStream::release(bool is_last) {
  const size_t n_whole = bytes_.size() - (is_last ? 0 : incomplete_suffix(bytes_));
  held_ += to_utf8(std::string_view(bytes_).substr(0, n_whole));
  bytes_.erase(0, n_whole);
  const size_t n_kept = find_stop() || is_last ? 0 : possible_stop_suffix();
  std::string shown = held_.substr(0, held_.size() - n_kept);
  held_.erase(0, shown.size());
  n_searched_ = held_.size();
  return shown;
}

/// The stop string that ends first wins, the longest of those; so the cut of the text into tokens
/// does not matter. Leaves in held_ what stands before it.
bool TokenStream::find_stop() {
  for (size_t end = n_searched_ + 1; end <= held_.size() && !stops_.empty(); ++end) {
    const std::string_view text = std::string_view(held_).substr(0, end);
    for (const std::string& stop : stops_) {
      if (text.ends_with(stop) && stop.size() > stop_.size()) stop_ = stop;
    }
    if (stop_.empty()) continue;
    held_.resize(end - stop_.size());
    return true;
  }
  return false;
}

size_t TokenStream::possible_stop_suffix() const {
  size_t longest = 0;
  for (const std::string& stop : stops_) {
    longest = std::max(longest, suffix_that_begins(held_, stop));
  }
  return longest;
}

std::vector<ThinkPiece> ThinkSplitter::feed(std::string_view text) {
  std::vector<ThinkPiece> pieces;
  const auto emit = [&](std::string part) {
    if (!part.empty()) pieces.push_back({is_reasoning(), std::move(part)});
  };
  held_ += text;
  while (phase_ != Phase::kAfter) {
    const std::string_view tag = is_reasoning() ? "</think>" : "<think>";
    const size_t at = held_.find(tag);
    if (at == held_.npos) {
      const size_t n_shown = held_.size() - suffix_that_begins(held_, tag);
      emit(held_.substr(0, n_shown));
      held_.erase(0, n_shown);
      return pieces;
    }
    emit(held_.substr(0, at));
    held_.erase(0, at + tag.size());
    phase_ = is_reasoning() ? Phase::kAfter : Phase::kInside;
  }
  emit(std::exchange(held_, ""));
  return pieces;
}

std::vector<ThinkPiece> ThinkSplitter::finish() {
  if (held_.empty()) return {};
  return {{is_reasoning(), std::exchange(held_, "")}};
}

}  // namespace r1
