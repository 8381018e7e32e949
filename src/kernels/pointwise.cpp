#include "kernels/pointwise.h"

#include <cmath>

#include "kernels/columns.h"
#include "kernels/lanes.h"

namespace r1 {
namespace {

void swiglu_forward_reference(const Launch& launch, Tensor y, Tensor gate, Tensor up) {
  launch.pool->parallel_for(y.numel(), 1024, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float g = gate.f32()[i];
      y.f32()[i] = (g * sigmoid_f32(g)) * up.f32()[i];
    }
  });
}

void swiglu_backward_reference(const Launch& launch, Tensor dgate, Tensor dup, Tensor dy,
                               Tensor gate, Tensor up) {
  launch.pool->parallel_for(dy.numel(), 1024, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float g = gate.f32()[i], d = dy.f32()[i], s = sigmoid_f32(g);
      dup.f32()[i] = d * (g * s);
      dgate.f32()[i] = (d * up.f32()[i]) * (s * std::fmaf(g, 1.0f - s, 1.0f));
    }
  });
}

void rope_reference(const Launch& launch, Tensor x, const int32_t* positions, Tensor cos,
                    Tensor sin, bool inverse, const RopeLayout& layout) {
  const int64_t half = cos.cols(), H = x.cols() / layout.width;
  const int64_t step = layout.adjacent ? 2 : 1, apart = layout.adjacent ? 1 : half;
  launch.pool->parallel_for(x.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float *c = cos.row(positions[n]), *s = sin.row(positions[n]);
      for (int64_t h = 0; h < H; ++h) {
        float* head = x.row(n) + h * layout.width + layout.offset;
        for (int64_t i = 0; i < half; ++i) {
          float &a = head[i * step], &b = head[i * step + apart];
          const float si = inverse ? -s[i] : s[i], ai = a, bi = b;
          a = std::fmaf(ai, c[i], -(bi * si));
          b = std::fmaf(bi, c[i], ai * si);
        }
      }
    }
  });
}

void embed_reference(const Launch& launch, Tensor y, Tensor table, const int32_t* tokens) {
  const int64_t C = y.cols();
  launch.pool->parallel_for(y.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t c = 0; c < C; ++c) {
        const int64_t i = tokens[n] * C + c;
        y.row(n)[c] = table.dtype == Dtype::kF32 ? table.f32()[i] : bf16_to_f32(table.u16()[i]);
      }
    }
  });
}

void embed_backward_reference(const Launch& launch, Tensor dtable, Tensor dy,
                              const int32_t* tokens) {
  launch.pool->parallel_for(dy.cols(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = 0; n < dy.rows(); ++n) {
      for (int64_t c = begin; c < end; ++c) dtable.row(tokens[n])[c] += dy.row(n)[c];
    }
  });
}

constexpr PointwiseKernels kReference{swiglu_forward_reference, swiglu_backward_reference,
                                      rope_reference, embed_reference, embed_backward_reference};

}  // namespace

const PointwiseKernels& pointwise_kernels(Backend backend) {
  return R1_PICK(backend, kReference, pointwise_column);
}

void swiglu_forward(const Launch& launch, Tensor y, Tensor gate, Tensor up) {
  CHECK(y.numel() == gate.numel() && y.numel() == up.numel(), "swiglu: y {} gate {} up {}",
        y.shape_text(), gate.shape_text(), up.shape_text());
  if (launch.plans()) return;
  pointwise_kernels(launch.backend).swiglu_forward(launch, y, gate, up);
}

void swiglu_backward(const Launch& launch, Tensor dgate, Tensor dup, Tensor dy, Tensor gate,
                     Tensor up) {
  CHECK(dy.numel() == gate.numel() && dy.numel() == up.numel() && dgate.numel() == dy.numel() &&
            dup.numel() == dy.numel(),
        "swiglu backward: dy {} gate {}", dy.shape_text(), gate.shape_text());
  if (launch.plans()) return;
  pointwise_kernels(launch.backend).swiglu_backward(launch, dgate, dup, dy, gate, up);
}

void rope(const Launch& launch, Tensor x, const int32_t* positions, Tensor cos, Tensor sin,
          bool inverse, RopeLayout layout) {
  if (layout.width == 0) layout.width = 2 * cos.cols();
  CHECK(cos.cols() > 0 && x.cols() % layout.width == 0 && sin.numel() == cos.numel() &&
            layout.offset + 2 * cos.cols() <= layout.width && 2 * cos.cols() <= kMostRope,
        "rope: x {} cos {} heads of {} from {}", x.shape_text(), cos.shape_text(), layout.width,
        layout.offset);
  if (launch.plans()) return;
  pointwise_kernels(launch.backend).rope(launch, x, positions, cos, sin, inverse, layout);
}

void embed(const Launch& launch, Tensor y, Tensor table, const int32_t* tokens) {
  CHECK(y.cols() == table.cols(), "embed: y {} table {}", y.shape_text(), table.shape_text());
  if (launch.plans()) return;
  pointwise_kernels(launch.backend).embed(launch, y, table, tokens);
}

void embed_backward(const Launch& launch, Tensor dtable, Tensor dy, const int32_t* tokens) {
  CHECK(dy.cols() == dtable.cols(), "embed backward: dy {} table {}", dy.shape_text(),
        dtable.shape_text());
  if (launch.plans()) return;
  pointwise_kernels(launch.backend).embed_backward(launch, dtable, dy, tokens);
}

}  // namespace r1
