// Products in FP8 as DeepSeek-V3 trains with them: e4m3 values with one f32 scale per tile, f32
// accumulation inside a tile of 128, tiles scaled and added in f32. Exact emulation: the numbers
// are those of the format, the speed is not.                          [DeepSeek-V3, section 3.3]
#pragma once

#include <vector>

#include "kernels/gemm.h"
#include "tensor/arena.h"

namespace r1 {

constexpr int64_t kFp8Tile = 128;
constexpr int64_t fp8_tiles(int64_t n) { return (n + kFp8Tile - 1) / kFp8Tile; }

/// x to the nearest value of e4m3, ties to even; beyond 448: ±448.
float round_e4m3(float x);

/// The scale of a tile whose largest magnitude is amax: amax / 448, so that x / scale fills the
/// format; 1 for zeros. (The released kernel clamps amax to 1e-4, which would flush gradients.)
inline float fp8_scale(float amax) { return amax > 0 ? amax / 448.0f : 1.0f; }

/// A weight W (O, I) in blocks of 128 × 128, for x Wᵀ and for dy W. Values of e4m3 are exact in
/// bf16, so that the panels are.
struct Fp8Weight {
  int64_t O = 0, I = 0;
  std::byte* memory = nullptr;

  static int64_t bytes(int64_t O, int64_t I);
  float* scales() const { return reinterpret_cast<float*>(memory); }  // (O / 128, I / 128)
  PackedMatrix by_in(int64_t tile) const;                             // (its in-features, O)
  PackedMatrix by_out(int64_t tile) const;                            // (its out-features, I)
};

/// How a gradient is cut into tiles on its way to dx: rows of 128, or (128, 128), which diverged in
/// DeepSeek's trial (appendix B.2).
enum class Fp8Gradient { kRow, kSquare };

/// Quantises w (O, I), f32 or bf16.
void fp8_pack(const Launch&, const Fp8Weight& to, Tensor w);
/// y (N, O) [+]= x Wᵀ: x in tiles of one row and 128 in-features.
void fp8_forward(const Launch&, Arena&, Tensor y, Tensor x, const Fp8Weight& w, bool accumulate);
/// dx (N, I) [+]= dy W: dy in tiles along its out-features.
void fp8_backward(const Launch&, Arena&, Tensor dx, Tensor dy, const Fp8Weight& w,
                  Fp8Gradient tiles, bool accumulate);
/// dW (O, I) += dyᵀ x: both in tiles of 128 rows and one column.
void fp8_weight_gradient(const Launch&, Arena&, Tensor dw, Tensor dy, Tensor x);

}  // namespace r1
