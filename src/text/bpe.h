// Byte-pair encoding of one piece: merges by rank, leftmost first, in O(n log n).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/hash_map.h"

namespace r1 {

/// Working memory of one thread, with a cache of short pieces seen before.
struct BpeScratch {
  struct Symbol {
    int32_t id, previous, next;  // previous and next are indices of symbols, -1 at the ends
    int32_t rank;                // of the pair that starts here, -1 when it does not merge
  };
  struct Cached {  // one cache line
    static constexpr size_t kMaxBytes = 22, kMaxIds = 9;
    uint32_t tag = 0;
    uint8_t n_bytes = 0, n_ids = 0;
    char bytes[kMaxBytes];
    int32_t ids[kMaxIds];
  };
  std::vector<Symbol> symbols;
  std::vector<uint64_t> heap;  // rank << 32 | index of the left symbol
  std::vector<Cached> cache;
};

class Bpe {
 public:
  struct Merge {
    int32_t left, right, result;
  };
  struct Options {
    bool is_byte_level = false;           // pieces are bytes, not characters
    bool byte_fallback = false;           // unknown characters become <0xXX> tokens
    bool ignore_merges = false;           // a piece that is a token is taken whole
    bool fuse_unknown = false;            // neighbouring unknown characters give one unknown token
    int32_t unknown = -1;                 // -1: unknown characters vanish
    std::array<int32_t, 256> byte_ids{};  // tokens of single bytes, -1 when absent
  };

  Bpe() = default;
  /// vocab: the bytes (byte level) or the text of each token; merges in order of rank.
  Bpe(const Options& options, StringMap vocab, const std::vector<Merge>& merges);

  /// Appends the ids of a piece.
  void encode(std::string_view piece, std::vector<int32_t>& ids, BpeScratch& scratch) const;

 private:
  void encode_uncached(std::string_view piece, std::vector<int32_t>& ids,
                       BpeScratch& scratch) const;
  void split_bytes(std::string_view piece, BpeScratch& scratch) const;
  void split_characters(std::string_view piece, BpeScratch& scratch) const;
  bool add_byte_tokens(std::string_view character, BpeScratch& scratch) const;
  void merge_all(BpeScratch& scratch) const;
  void rank_pair(BpeScratch& scratch, int32_t left) const;

  Options options_;
  StringMap vocab_;
  PairMap ranks_;
  std::vector<int32_t> results_;  // by rank
};

}  // namespace r1
