// Counted random numbers: philox4x32-10 keyed by (seed, stream), never by order of arrival.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

namespace r1 {

/// One block of the counter-based generator.                       [Salmon et al. 2011, sec. 3.3]
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// A stream number from the purposes that name it, e.g. {kRollout, step, prompt, sample}.
uint64_t stream_key(std::initializer_list<uint64_t> parts);

/// What a stream of random numbers is for; the first part of every stream_key.
enum class Purpose : uint64_t {
  kInit = 1,
  kCorpus,
  kProblem,
  kShuffle,
  kRollout,
  kEval,
  kGenerate,
  kFill,       // documents turned into fill-in-the-middle
  kNeedle,     // tests of long contexts
  kCurriculum  // prompts drawn by their pass rate
};

/// A cheap value type: two equal (seed, stream) pairs give equal numbers everywhere.
class Rng {
 public:
  Rng(uint64_t seed, uint64_t stream) : seed_(seed), stream_(stream) {}

  uint32_t next();           // 32 uniform bits
  double uniform();          // [0, 1), 53 bits
  float normal();            // N(0, 1), Box-Muller in double
  int64_t below(int64_t n);  // 0 … n-1 without bias; n > 0
  int64_t between(int64_t lo, int64_t hi) { return lo + below(hi - lo + 1); }  // both ends

 private:
  uint64_t seed_, stream_, block_ = 0;
  std::array<uint32_t, 4> buffer_{};
  int left_ = 0;
};

}  // namespace r1
