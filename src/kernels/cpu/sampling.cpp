#include "kernels/sampling.h"

#include "base/random.h"
#include "kernels/columns.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/sweep.h"
#include "kernels/sampling_cutoff.h"

R1_SIMD_BEGIN
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr uint32_t kAllLanes = 0xFFFF;

uint32_t lanes_of(Whole) { return kAllLanes; }
uint32_t lanes_of(Part part) { return (1u << part.n) - 1; }

/// A row of logits, and what is known of it so far.
struct Row {
  const float* logits;
  int64_t V;
  const SampleRow& how;
  float inverse_temperature;
  float max_z = -kInfinity;
  int32_t best = 0;  // the first token with max_z
  Cutoff cutoff{};   // of top_k and top_p

  template <class Step>
  R1_INLINE F32x16 z(int64_t i, Step step) const {
    const F32x16 lowest = broadcast(-kInfinity);
    const F32x16 value = load(logits + i, step) * broadcast(inverse_temperature);
    return within(step, max(lowest, value), lowest);  // max(lowest, NaN) is lowest
  }
  /// Bits of the lanes of tokens i … i + 15 that the cutoff keeps.
  R1_INLINE uint32_t kept(int64_t i, F32x16 z) const {
    const F32x16 last = broadcast(cutoff.z);
    const int64_t left = cutoff.index - i;
    const uint32_t lower = left >= kLanes ? kAllLanes : (left <= 0 ? 0 : (1u << left) - 1);
    return lane_bits(less(last, z)) | (~lane_bits(less(z, last)) & lower);
  }
  /// exp(z − max z)
  R1_INLINE F32x16 odds(F32x16 z) const { return exp(z - broadcast(max_z)); }
};

void find_best(Row& row) {
  F32x16 top = broadcast(-kInfinity);
  sweep(0, row.V, [&](int64_t i, auto step) { top = max(top, row.z(i, step)); });
  row.max_z = hmax(top);
  const F32x16 max_z = broadcast(row.max_z);
  for (int64_t i = 0; i < row.V; i += kLanes) {
    const int64_t n = row.V - i;
    const F32x16 z = n < kLanes ? row.z(i, Part{n}) : row.z(i, Whole{});
    const uint32_t equal = ~lane_bits(less(z, max_z)) & kAllLanes;
    if (equal) {
      row.best = static_cast<int32_t>(i) + __builtin_ctz(equal);
      return;
    }
  }
}

/// Tokens are first counted in steps of 1/8 below the best; the last bin holds all that are far
/// below.
constexpr float kBinsPerUnit = 8.0f, kLastBin = 255.0f;

R1_INLINE F32x16 bins(const Row& row, F32x16 z) {
  return min((broadcast(row.max_z) - z) * broadcast(kBinsPerUnit), broadcast(kLastBin));
}

/// What each token weighs: one by number, its mass by probability.
template <bool by_mass>
R1_INLINE U32x16 weights_of(const Row& row, F32x16 z) {
  return by_mass ? truncate(row.odds(z) * broadcast(kMassUnit)) : broadcast_u32(1);
}

template <bool by_mass>
void weigh_bins(const Row& row, uint64_t* totals) {
  sweep(0, row.V, [&](int64_t i, auto step) {
    const F32x16 z = row.z(i, step), bin = bins(row, z);
    const uint32_t kept = row.kept(i, z) & lanes_of(step);
    const uint32_t near = kept & lane_bits(less(bin, broadcast(kLastBin)));
    if (!by_mass) totals[255] += static_cast<uint64_t>(__builtin_popcount(kept & ~near));
    if (near == 0) return;
    uint32_t place[kLanes], weight[kLanes];
    store_u32(place, truncate(bin));
    store_u32(weight, weights_of<by_mass>(row, z));
    for (uint32_t lanes = near; lanes; lanes &= lanes - 1) {
      const int lane = __builtin_ctz(lanes);
      totals[place[lane]] += weight[lane];
    }
  });
}

template <bool by_mass>
int64_t gather_bin(const Row& row, uint32_t place, Candidate* candidates) {
  const F32x16 low = broadcast(static_cast<float>(place));
  const F32x16 high = broadcast(static_cast<float>(place + 1));
  int64_t n = 0;
  sweep(0, row.V, [&](int64_t i, auto step) {
    const F32x16 z = row.z(i, step), bin = bins(row, z);
    const uint32_t inside = lane_bits(less(bin, high)) & ~lane_bits(less(bin, low));
    uint32_t lanes = inside & row.kept(i, z) & lanes_of(step);
    if (lanes == 0) return;
    float value[kLanes];
    uint32_t weight[kLanes];
    store(value, z);
    store_u32(weight, weights_of<by_mass>(row, z));
    for (; lanes; lanes &= lanes - 1) {
      const int lane = __builtin_ctz(lanes);
      candidates[n++] = {value[lane], static_cast<int32_t>(i) + lane, weight[lane]};
    }
  });
  return n;
}

/// Cuts the kept tokens to the shortest best-first run whose weight reaches needed(weight of all).
template <bool by_mass, class Needed>
void cut(Row& row, Needed needed_of) {
  uint64_t totals[256] = {}, all = 0;
  weigh_bins<by_mass>(row, totals);
  for (uint64_t total : totals) all += total;
  uint64_t needed = needed_of(all);
  if (needed > all) return;
  uint32_t place = 0;
  while (needed > totals[place]) needed -= totals[place++];
  Candidate* candidates = candidate_scratch(row.V);
  row.cutoff = shortest_run(candidates, gather_bin<by_mass>(row, place, candidates), needed);
}

/// Sixteen blocks of the generator, lane b being block first + b.          [Salmon et al. 2011]
struct Words {
  U32x16 word[4];
};

R1_INLINE Words philox16(const SampleRow& how, uint32_t first) {
  static constexpr uint32_t kLane[kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const U32x16 m0 = broadcast_u32(0xD2511F53), m1 = broadcast_u32(0xCD9E8D57);
  U32x16 c0 = load_u32(kLane) + broadcast_u32(first);
  U32x16 c1 = broadcast_u32(static_cast<uint32_t>(how.position));
  U32x16 c2 = broadcast_u32(static_cast<uint32_t>(how.stream));
  U32x16 c3 = broadcast_u32(static_cast<uint32_t>(how.stream >> 32));
  uint32_t k0 = static_cast<uint32_t>(how.seed), k1 = static_cast<uint32_t>(how.seed >> 32);
  for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9, k1 += 0xBB67AE85) {
    const U32x16 high0 = mul_high(c0, m0), low0 = mul_low(c0, m0);
    const U32x16 high1 = mul_high(c2, m1), low1 = mul_low(c2, m1);
    c0 = high1 ^ c1 ^ broadcast_u32(k0);
    c2 = high0 ^ c3 ^ broadcast_u32(k1);
    c1 = low1;
    c3 = low0;
  }
  return {{c0, c1, c2, c3}};
}

/// The number v of gumbel_f32.
R1_INLINE F32x16 uniform(U32x16 bits) {
  using namespace gumbel_constants;
  return fma(to_f32(shift_right<1>(bits)), broadcast(kStep), broadcast(kHalfStep));
}

/// gumbel_f32 in every lane.
R1_INLINE F32x16 gumbel(F32x16 v) {
  using namespace gumbel_constants;
  const F32x16 u = min(broadcast(kTop), v);
  const F32x16 series = fma(u * broadcast(0.5f), u, u);
  const F32x16 exact = negate(log(broadcast(1.0f) - u));
  return negate(log(select(less(u, broadcast(kSmall)), series, exact)));
}

/// Not less than gumbel: −ln(−ln(1 − v)) <= −ln v, and the bits of v are nearly its logarithm.
R1_INLINE F32x16 gumbel_bound(F32x16 v) {
  constexpr float kLn2 = 0.69314718f;
  return fma(to_f32(as_u32(v)), broadcast(-kLn2 * 0x1p-23f), broadcast(127.0f * kLn2 + 0.001f));
}

/// The largest z + gumbel so far. Only tokens that could reach `floor` are looked at in full.
struct Draw {
  float floor = -kInfinity, score = -kInfinity;
  int32_t token;

  void take(float candidate, int32_t i) {
    if (!(candidate > score)) return;
    score = candidate;
    token = i;
    floor = floor < score ? score : floor;
  }
};

float min_odds(const SampleRow& how) { return how.min_p < 1.0f ? how.min_p : 1.0f; }

/// Tokens i … i + 15.
template <class Step>
R1_INLINE void draw_from(const Row& row, int64_t i, Step step, U32x16 bits, Draw& draw) {
  const F32x16 z = row.z(i, step), v = uniform(bits);
  uint32_t lanes = ~lane_bits(less(z + gumbel_bound(v), broadcast(draw.floor))) & lanes_of(step);
  if (lanes == 0) return;
  lanes &= row.kept(i, z);
  if (row.how.min_p > 0.0f && lanes) {
    lanes &= ~lane_bits(less(row.odds(z), broadcast(min_odds(row.how))));
  }
  if (lanes == 0) return;
  float scores[kLanes];
  store(scores, z + gumbel(v));
  for (; lanes; lanes &= lanes - 1) {
    const int lane = __builtin_ctz(lanes);
    draw.take(scores[lane], static_cast<int32_t>(i) + lane);
  }
}

/// True if none of tokens i … i + 63 can reach the floor, whatever its random number.
R1_INLINE bool hopeless(const Row& row, int64_t i, float floor) {
  F32x16 top = row.z(i, Whole{});
  for (int k = 1; k < 4; ++k) top = max(top, row.z(i + k * kLanes, Whole{}));
  const F32x16 bound = top + broadcast(gumbel_constants::kLargest);
  return lane_bits(less(bound, broadcast(floor))) == kAllLanes;
}

constexpr int64_t kBlock = 4 * kLanes;  // tokens of sixteen philox blocks

float best_score(const Row& row) {
  const int64_t i = row.best;
  uint32_t words[kLanes];
  store_u32(words,
            philox16(row.how, static_cast<uint32_t>(i / kBlock * kLanes)).word[i / kLanes % 4]);
  return row.logits[i] * row.inverse_temperature + gumbel_f32(words[i % kLanes]);
}

int32_t draw_token(const Row& row) {
  Draw draw;
  draw.token = row.best;
  if (row.V > 4 * kBlock) draw.floor = best_score(row);
  for (int64_t i = 0; i < row.V; i += kBlock) {
    const int64_t end = i + kBlock < row.V ? i + kBlock : row.V;
    if (end == i + kBlock && hopeless(row, i, draw.floor)) continue;
    const Words words = philox16(row.how, static_cast<uint32_t>(i / kBlock * kLanes));
    sweep(i, end, [&](int64_t j, auto step) {
      draw_from(row, j, step, words.word[(j - i) / kLanes], draw);
    });
  }
  return draw.token;
}

Row best_of(const float* logits, int64_t V, const SampleRow& how) {
  Row row{.logits = logits,
          .V = V,
          .how = how,
          .inverse_temperature = how.temperature > 0.0f ? 1.0f / how.temperature : 1.0f};
  find_best(row);
  return row;
}

bool is_greedy(const Row& row) { return row.how.temperature <= 0.0f || std::isinf(row.max_z); }

/// Finds the end of the kept tokens, all but min_p.
void find_cutoff(Row& row) {
  if (row.how.top_k > 0 && row.how.top_k < row.V) {
    cut<false>(row, [&](uint64_t) { return static_cast<uint64_t>(row.how.top_k); });
  }
  if (row.how.top_p < 1.0f) {
    cut<true>(row, [&](uint64_t total) { return mass_needed(row.how.top_p, total); });
  }
}

int32_t sample_row(const float* logits, int64_t V, const SampleRow& how) {
  Row row = best_of(logits, V, how);
  if (is_greedy(row)) return row.best;
  find_cutoff(row);
  return draw_token(row);
}

void keep_row(float* logits, int64_t V, const SampleRow& how) {
  Row row = best_of(logits, V, how);
  if (is_greedy(row)) return;
  find_cutoff(row);
  sweep(0, V, [&](int64_t i, auto step) {
    const F32x16 z = row.z(i, step);
    const uint32_t likely = ~lane_bits(less(row.odds(z), broadcast(min_odds(how))));
    for (uint32_t cut = ~(row.kept(i, z) & likely) & lanes_of(step); cut; cut &= cut - 1) {
      logits[i + __builtin_ctz(cut)] = -kInfinity;
    }
  });
}

void sample(const Launch& launch, int32_t* tokens, Tensor logits, const SampleRow* rows) {
  const int64_t V = logits.cols();
  launch.pool->parallel_for(logits.rows(), 1 + 4096 / V, [=](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) tokens[n] = sample_row(logits.row(n), V, rows[n]);
  });
}

void keep(const Launch& launch, Tensor logits, const SampleRow* rows) {
  const int64_t V = logits.cols();
  launch.pool->parallel_for(logits.rows(), 1 + 4096 / V, [=](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) keep_row(logits.row(n), V, rows[n]);
  });
}

}  // namespace

const SamplingKernels sampling_column{sample, keep};

R1_SIMD_END
