#include "train/sample_select.h"

#include <algorithm>

#include "reward/repetition.h"

namespace r1 {
namespace {

constexpr int kNgram = 5;

uint64_t add_bytes(uint64_t hash, std::string_view bytes) {  // FNV-1a
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

Result<Dedupe> parse_dedupe(const std::string& name) {
  if (name == "none") return Dedupe::kNone;
  if (name == "exact") return Dedupe::kExact;
  if (name == "near") return Dedupe::kNear;
  return fail("dedupe is '{}'; known: near, exact, none", name);
}

std::set<uint64_t> ngram_hashes(std::string_view text, int n) {
  const std::vector<std::string> words = repetition_words(text, false);
  std::set<uint64_t> hashes;
  const auto size = static_cast<int64_t>(words.size());
  if (size == 0) return hashes;
  const int64_t width = std::min<int64_t>(n, size);
  for (int64_t i = 0; i + width <= size; ++i) {
    uint64_t hash = 0xcbf29ce484222325;
    for (int64_t k = i; k < i + width; ++k)
      hash = add_bytes(add_bytes(hash, words[static_cast<size_t>(k)]), " ");
    hashes.insert(hash);
  }
  return hashes;
}

double common_share(const std::set<uint64_t>& a, const std::set<uint64_t>& b) {
  if (a.empty() && b.empty()) return 1;
  size_t common = 0;
  for (const uint64_t hash : a) common += b.contains(hash);
  return static_cast<double>(common) / static_cast<double>(a.size() + b.size() - common);
}

bool Different::add(std::string_view text) {
  if (dedupe_ == Dedupe::kNone) return true;
  if (dedupe_ == Dedupe::kExact) {
    std::string words;
    for (const std::string& word : repetition_words(text, false)) words += word + ' ';
    return words_.insert(std::move(words)).second;
  }
  std::set<uint64_t> grams = ngram_hashes(text, kNgram);
  for (const auto& other : seen_) {
    if (common_share(grams, other) >= near_) return false;
  }
  seen_.push_back(std::move(grams));
  return true;
}

}  // namespace r1
