// A loop over n floats, sixteen at a time; the last step may hold fewer. Include after simd.h.
#pragma once

#include "kernels/cpu/simd.h"

R1_SIMD_BEGIN

struct Whole {};  // a step of sixteen
struct Part {     // the last step: 1 … 15
  int64_t n;
};

R1_INLINE F32x16 load(const float* p, Whole) { return load(p); }
R1_INLINE F32x16 load(const float* p, Part part) { return load_partial(p, part.n); }
R1_INLINE F32x16 load_bf16(const uint16_t* p, Whole) { return load_bf16(p); }
R1_INLINE F32x16 load_bf16(const uint16_t* p, Part part) { return load_bf16_partial(p, part.n); }
R1_INLINE void store(float* p, F32x16 x, Whole) { store(p, x); }
R1_INLINE void store(float* p, F32x16 x, Part part) { store_partial(p, x, part.n); }
R1_INLINE void store_bf16(uint16_t* p, F32x16 x, Whole) { store_bf16(p, x); }
R1_INLINE void store_bf16(uint16_t* p, F32x16 x, Part part) { store_bf16_partial(p, x, part.n); }

/// x in the lanes that the step holds, `other` in the rest.
R1_INLINE F32x16 within(Whole, F32x16 x, F32x16) { return x; }
R1_INLINE F32x16 within(Part part, F32x16 x, F32x16 other) {
  return select(first_lanes(part.n), x, other);
}

/// body(i, step) for i = begin, begin + 16, … below end.
template <class Body>
R1_INLINE void sweep(int64_t begin, int64_t end, Body body) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) body(i, Whole{});
  if (i < end) body(i, Part{end - i});
}

R1_SIMD_END
