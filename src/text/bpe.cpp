#include "text/bpe.h"

#include <algorithm>

#include "text/unicode.h"

namespace r1 {
namespace {

constexpr size_t kCacheSize = 1 << 14;  // a megabyte

void add_symbol(BpeScratch& scratch, int32_t id) {
  const auto index = static_cast<int32_t>(scratch.symbols.size());
  scratch.symbols.push_back({id, index - 1, index + 1, -1});
}

}  // namespace

Bpe::Bpe(const Options& options, StringMap vocab, const std::vector<Merge>& merges)
    : options_(options), vocab_(std::move(vocab)), ranks_(merges.size()) {
  for (const Merge& merge : merges) {
    ranks_.insert(merge.left, merge.right, static_cast<int32_t>(results_.size()));
    results_.push_back(merge.result);
  }
}

void Bpe::encode(std::string_view piece, std::vector<int32_t>& ids, BpeScratch& scratch) const {
  using Cached = BpeScratch::Cached;
  if (piece.size() > Cached::kMaxBytes) return encode_uncached(piece, ids, scratch);
  if (scratch.cache.empty()) scratch.cache.resize(kCacheSize);
  const uint64_t hash = hash_bytes(piece);
  Cached& entry = scratch.cache[hash & (kCacheSize - 1)];
  const auto tag = static_cast<uint32_t>(hash >> 32);
  if (entry.tag == tag && entry.n_bytes == piece.size() &&
      std::memcmp(entry.bytes, piece.data(), piece.size()) == 0) {
    ids.insert(ids.end(), entry.ids, entry.ids + entry.n_ids);
    return;
  }
  const size_t first = ids.size();
  encode_uncached(piece, ids, scratch);
  if (ids.size() - first > Cached::kMaxIds) return;
  entry.tag = tag;
  entry.n_bytes = static_cast<uint8_t>(piece.size());
  entry.n_ids = static_cast<uint8_t>(ids.size() - first);
  std::memcpy(entry.bytes, piece.data(), piece.size());
  std::copy(ids.begin() + first, ids.end(), entry.ids);
}

void Bpe::encode_uncached(std::string_view piece, std::vector<int32_t>& ids,
                          BpeScratch& scratch) const {
  if (options_.ignore_merges) {
    if (const int32_t id = vocab_.find(piece); id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  scratch.symbols.clear();
  if (options_.is_byte_level) {
    split_bytes(piece, scratch);
  } else {
    split_characters(piece, scratch);
  }
  if (scratch.symbols.empty()) return;
  scratch.symbols.back().next = -1;
  merge_all(scratch);
  for (int32_t i = 0; i >= 0; i = scratch.symbols[i].next) ids.push_back(scratch.symbols[i].id);
}

void Bpe::split_bytes(std::string_view piece, BpeScratch& scratch) const {
  for (char c : piece) {
    int32_t id = options_.byte_ids[static_cast<unsigned char>(c)];
    if (id < 0) id = options_.unknown;
    if (id >= 0) add_symbol(scratch, id);
  }
}

void Bpe::split_characters(std::string_view piece, BpeScratch& scratch) const {
  bool was_unknown = false;
  for (size_t pos = 0; pos < piece.size();) {
    const size_t begin = pos;
    next_code_point(piece, pos);
    const std::string_view character = piece.substr(begin, pos - begin);
    const int32_t id = vocab_.find(character);
    const bool is_known =
        id >= 0 || (options_.byte_fallback && add_byte_tokens(character, scratch));
    if (id >= 0) add_symbol(scratch, id);
    if (!is_known && options_.unknown >= 0 && !(was_unknown && options_.fuse_unknown)) {
      add_symbol(scratch, options_.unknown);
    }
    was_unknown = !is_known;
  }
}

bool Bpe::add_byte_tokens(std::string_view character, BpeScratch& scratch) const {
  for (unsigned char c : character) {
    if (options_.byte_ids[c] < 0) return false;
  }
  for (unsigned char c : character) add_symbol(scratch, options_.byte_ids[c]);
  return true;
}

void Bpe::rank_pair(BpeScratch& scratch, int32_t left) const {
  BpeScratch::Symbol& symbol = scratch.symbols[left];
  symbol.rank = symbol.next < 0 ? -1 : ranks_.find(symbol.id, scratch.symbols[symbol.next].id);
  if (symbol.rank < 0) return;
  scratch.heap.push_back(static_cast<uint64_t>(symbol.rank) << 32 | static_cast<uint32_t>(left));
}

void Bpe::merge_all(BpeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  heap.clear();
  for (size_t i = 0; i < symbols.size(); ++i) rank_pair(scratch, static_cast<int32_t>(i));
  const auto rank_again = [&](int32_t left) {
    const size_t before = heap.size();
    rank_pair(scratch, left);
    if (heap.size() > before) std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  while (!heap.empty()) {
    const auto rank = static_cast<int32_t>(heap.front() >> 32);
    const auto left = static_cast<int32_t>(heap.front() & 0xFFFFFFFF);
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.pop_back();
    if (symbols[left].rank != rank) continue;  // a neighbour was merged since
    BpeScratch::Symbol& right = symbols[symbols[left].next];
    symbols[left].id = results_[rank];
    symbols[left].next = right.next;
    right.rank = -1;
    if (right.next >= 0) symbols[right.next].previous = left;
    rank_again(left);
    if (symbols[left].previous >= 0) rank_again(symbols[left].previous);
  }
}

}  // namespace r1
