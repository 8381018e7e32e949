#include "text/bpe_merges.h"

#include <algorithm>
#include <unordered_map>

namespace r1 {
namespace {

struct Pair {
  int32_t left, right;
  int64_t count = 0;
  std::vector<uint32_t> words;  // where it occurs, or did
  int32_t result = -1;          // once it is merged
  int64_t touched = -1;         // the merge that last raised the count
};

/// Entries of the heap; a count that has changed since is corrected when it comes up.
struct Candidate {
  int64_t count;
  int32_t left, right;
  uint32_t pair;

  bool operator<(const Candidate& other) const {  // "worse": fewer, then larger ids
    if (count != other.count) return count < other.count;
    return std::pair(left, right) > std::pair(other.left, other.right);
  }
};

class Learner {
 public:
  Learner(std::vector<CountedWord> words, std::vector<std::string>& tokens)
      : words_(std::move(words)), tokens_(tokens) {
    for (size_t id = 0; id < tokens_.size(); ++id) {
      ids_.emplace(tokens_[id], static_cast<int32_t>(id));
    }
    for (uint32_t w = 0; w < words_.size(); ++w) {
      const auto& ids = words_[w].ids;
      for (size_t i = 0; i + 1 < ids.size(); ++i) change(w, ids[i], ids[i + 1], words_[w].count);
    }
    push_raised();
  }

  /// Merges the best pair; false when none occurs often enough.
  bool step(int64_t min_frequency) {
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      Candidate best = heap_.back();
      heap_.pop_back();
      const int64_t count = pairs_[best.pair].count;
      if (count < std::max<int64_t>(min_frequency, 1)) continue;
      if (count == best.count) {
        merge(best.pair);
        return true;
      }
      if (count < best.count) push({count, best.left, best.right, best.pair});
      // a count that rose has an entry of its own
    }
    return false;
  }

  std::vector<LearnedMerge> merges;

 private:
  void push(const Candidate& candidate) {
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end());
  }

  uint32_t find_pair(int32_t left, int32_t right) {
    const uint64_t key = static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
    const auto [at, is_new] = index_.try_emplace(key, static_cast<uint32_t>(pairs_.size()));
    if (is_new) pairs_.push_back({left, right, 0, {}, -1, -1});
    return at->second;
  }

  void change(uint32_t word, int32_t left, int32_t right, int64_t by) {
    const uint32_t at = find_pair(left, right);
    Pair& pair = pairs_[at];
    pair.count += by;
    if (by < 0) return;
    if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
    if (pair.touched == n_steps_) return;
    pair.touched = n_steps_;
    raised_.push_back(at);
  }

  void push_raised() {
    for (const uint32_t at : raised_) {
      const Pair& pair = pairs_[at];
      if (pair.count > 0) push({pair.count, pair.left, pair.right, at});
    }
    raised_.clear();
    ++n_steps_;
  }

  int32_t id_of_result(const Pair& pair) {
    std::string text = tokens_[pair.left] + tokens_[pair.right];
    const auto [at, is_new] = ids_.try_emplace(text, static_cast<int32_t>(tokens_.size()));
    if (is_new) tokens_.push_back(std::move(text));
    return at->second;
  }

  void merge(uint32_t at) {
    Pair& pair = pairs_[at];
    const int32_t left = pair.left, right = pair.right;
    if (pair.result < 0) {
      pair.result = id_of_result(pair);
      merges.push_back({left, right, pair.result});
    }  // else it came up anew, through a token that two merges make
    const int32_t result = pair.result;
    pair.count = 0;
    const std::vector<uint32_t> words = std::exchange(pair.words, {});
    for (const uint32_t w : words) merge_in_word(w, left, right, result);
    if (left == right) pairs_[at].count = 0;  // "aaa": counted twice, merged once
    push_raised();
  }

  void merge_in_word(uint32_t w, int32_t left, int32_t right, int32_t result) {
    auto& ids = words_[w].ids;
    const int64_t count = words_[w].count;
    size_t out = 0;
    for (size_t i = 0; i < ids.size(); ++out) {
      if (i + 1 == ids.size() || ids[i] != left || ids[i + 1] != right) {
        ids[out] = ids[i++];
        continue;
      }
      if (out > 0) {
        change(w, ids[out - 1], left, -count);
        change(w, ids[out - 1], result, count);
      }
      if (i + 2 < ids.size()) {
        change(w, right, ids[i + 2], -count);
        change(w, result, ids[i + 2], count);
      }
      ids[out] = result;
      i += 2;
    }
    ids.resize(out);
  }

  std::vector<CountedWord> words_;
  std::vector<std::string>& tokens_;
  std::unordered_map<std::string, int32_t> ids_;  // looked up only
  std::unordered_map<uint64_t, uint32_t> index_;  // looked up only
  std::vector<Pair> pairs_;
  std::vector<Candidate> heap_;
  std::vector<uint32_t> raised_;
  int64_t n_steps_ = 0;
};

}  // namespace

std::vector<LearnedMerge> learn_merges(std::vector<CountedWord> words,
                                       std::vector<std::string>& tokens, int64_t vocab_size,
                                       int64_t min_frequency,
                                       const std::function<void(int64_t, int64_t)>& on_progress) {
  const int64_t n_first = static_cast<int64_t>(tokens.size());
  Learner learner(std::move(words), tokens);
  while (static_cast<int64_t>(tokens.size()) < vocab_size && learner.step(min_frequency)) {
    if (on_progress) {
      on_progress(static_cast<int64_t>(tokens.size()) - n_first, vocab_size - n_first);
    }
  }
  return std::move(learner.merges);
}

}  // namespace r1
