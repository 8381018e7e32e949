// Flat hash maps for the encoder: bytes to id, and pair of ids to merge rank. Filled once, then
// read.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

inline uint64_t mix_bits(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_bytes(std::string_view bytes) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15u, kOther = 0xD6E8FEB86659FD93u;
  uint64_t hash = bytes.size() * kOdd, word = 0;
  while (bytes.size() > 8) {
    std::memcpy(&word, bytes.data(), 8);
    hash = mix_bits(hash ^ word, kOther);
    bytes.remove_prefix(8);
  }
  word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return mix_bits(hash ^ word ^ kOdd, kOther);
}

/// Bytes to a non-negative int32; -1 when absent.
class StringMap {
 public:
  /// n: how many keys will be inserted at most.
  explicit StringMap(size_t n = 0) : slots_(std::bit_ceil(n * 2 + 2)) {}

  /// Keeps the first value of a key that comes twice.
  void insert(std::string_view key, int32_t value) {
    const uint64_t hash = hash_bytes(key);
    Slot& slot = slots_[find_slot(key, hash)];
    if (slot.value >= 0) return;
    slot = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(key.size()), bytes_.size(),
            value};
    bytes_ += key;
  }

  int32_t find(std::string_view key) const { return slots_[find_slot(key, hash_bytes(key))].value; }

 private:
  struct Slot {
    uint32_t tag = 0, length = 0;
    uint64_t offset = 0;
    int32_t value = -1;
  };

  size_t find_slot(std::string_view key, uint64_t hash) const {
    const size_t mask = slots_.size() - 1;
    const auto tag = static_cast<uint32_t>(hash >> 32);
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
      const Slot& slot = slots_[i];
      if (slot.value < 0) return i;
      if (slot.tag == tag && slot.length == key.size() &&
          std::memcmp(bytes_.data() + slot.offset, key.data(), key.size()) == 0) {
        return i;
      }
    }
  }

  std::vector<Slot> slots_;
  std::string bytes_;
};

/// A pair of non-negative ids to a non-negative int32; -1 when absent.
class PairMap {
 public:
  explicit PairMap(size_t n = 0) : slots_(std::bit_ceil(n * 2 + 2)) {}

  /// The last value of a key that comes twice wins.
  void insert(int32_t left, int32_t right, int32_t value) {
    slots_[find_slot(left, right)] = {left, right, value};
  }
  int32_t find(int32_t left, int32_t right) const { return slots_[find_slot(left, right)].value; }

 private:
  struct Slot {
    int32_t left = -1, right = -1, value = -1;
  };

  size_t find_slot(int32_t left, int32_t right) const {
    const size_t mask = slots_.size() - 1;
    const uint64_t key = static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
    for (size_t i = mix_bits(key, 0x9E3779B97F4A7C15u) & mask;; i = (i + 1) & mask) {
      const Slot& slot = slots_[i];
      if (slot.value < 0 || (slot.left == left && slot.right == right)) return i;
    }
  }

  std::vector<Slot> slots_;
};

}  // namespace r1
