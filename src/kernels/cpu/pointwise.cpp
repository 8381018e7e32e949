#include <cstring>

#include "kernels/columns.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/sweep.h"

R1_SIMD_BEGIN
namespace {

void swiglu_forward(const Launch& launch, Tensor y, Tensor gate, Tensor up) {
  float* out = y.f32();
  const float *gates = gate.f32(), *ups = up.f32();
  launch.pool->parallel_for(y.numel(), 1024, [=](int64_t begin, int64_t end) {
    sweep(begin, end, [&](int64_t i, auto step) {
      const F32x16 g = load(gates + i, step);
      store(out + i, (g * sigmoid(g)) * load(ups + i, step), step);
    });
  });
}

void swiglu_backward(const Launch& launch, Tensor dgate, Tensor dup, Tensor dy, Tensor gate,
                     Tensor up) {
  float *dgates = dgate.f32(), *dups = dup.f32();
  const float *dys = dy.f32(), *gates = gate.f32(), *ups = up.f32();
  launch.pool->parallel_for(dy.numel(), 1024, [=](int64_t begin, int64_t end) {
    const F32x16 one = broadcast(1.0f);
    sweep(begin, end, [&](int64_t i, auto step) {
      const F32x16 g = load(gates + i, step), u = load(ups + i, step), d = load(dys + i, step);
      const F32x16 s = sigmoid(g);
      store(dups + i, d * (g * s), step);
      store(dgates + i, (d * u) * (s * fma(g, one - s, one)), step);
    });
  });
}

/// One head: a and b are its halves.
void turn(float* a, float* b, const float* cos, const float* sin, int64_t half, bool inverse) {
  sweep(0, half, [&](int64_t i, auto step) {
    const F32x16 c = load(cos + i, step), s = load(sin + i, step);
    const F32x16 si = inverse ? negate(s) : s;
    const F32x16 ai = load(a + i, step), bi = load(b + i, step);
    store(a + i, fma(ai, c, negate(bi * si)), step);
    store(b + i, fma(bi, c, ai * si), step);
  });
}

/// One head: pairs of neighbours, turned as two halves.
void turn_adjacent(float* x, float* halves, const float* cos, const float* sin, int64_t half,
                   bool inverse) {
  for (int64_t i = 0; i < half; ++i) {
    halves[i] = x[2 * i];
    halves[half + i] = x[2 * i + 1];
  }
  turn(halves, halves + half, cos, sin, half, inverse);
  for (int64_t i = 0; i < half; ++i) {
    x[2 * i] = halves[i];
    x[2 * i + 1] = halves[half + i];
  }
}

void rope(const Launch& launch, Tensor x, const int32_t* positions, Tensor cos, Tensor sin,
          bool inverse, const RopeLayout& layout) {
  const int64_t half = cos.cols(), H = x.cols() / layout.width;
  launch.pool->parallel_for(x.rows(), 16, [=](int64_t begin, int64_t end) {
    alignas(64) float halves[kMostRope];
    for (int64_t n = begin; n < end; ++n) {
      const float *c = cos.row(positions[n]), *s = sin.row(positions[n]);
      float* head = x.row(n) + layout.offset;
      for (int64_t h = 0; h < H; ++h, head += layout.width) {
        if (layout.adjacent) {
          turn_adjacent(head, halves, c, s, half, inverse);
        } else {
          turn(head, head + half, c, s, half, inverse);
        }
      }
    }
  });
}

void embed(const Launch& launch, Tensor y, Tensor table, const int32_t* tokens) {
  const int64_t C = y.cols();
  launch.pool->parallel_for(y.rows(), 16, [=](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      float* out = y.row(n);
      if (table.dtype == Dtype::kF32) {
        std::memcpy(out, table.row(tokens[n]), C * sizeof(float));
      } else {
        const uint16_t* in = table.u16() + tokens[n] * C;
        sweep(0, C, [&](int64_t c, auto step) { store(out + c, load_bf16(in + c, step), step); });
      }
    }
  });
}

void embed_backward(const Launch& launch, Tensor dtable, Tensor dy, const int32_t* tokens) {
  launch.pool->parallel_for(dy.cols(), 16, [=](int64_t begin, int64_t end) {
    for (int64_t n = 0; n < dy.rows(); ++n) {
      float* sum = dtable.row(tokens[n]);
      const float* d = dy.row(n);
      sweep(begin, end, [&](int64_t c, auto step) {
        store(sum + c, load(sum + c, step) + load(d + c, step), step);
      });
    }
  });
}

}  // namespace

const PointwiseKernels pointwise_column{swiglu_forward, swiglu_backward, rope, embed,
                                        embed_backward};

R1_SIMD_END
