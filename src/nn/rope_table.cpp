#include "nn/rope_table.h"

#include <cmath>

namespace r1 {

void sin_cos(double x, double* sin, double* cos) {
  // Cody-Waite reduction to |r| <= pi/4, then Taylor series; good to 1e-15 for |x| < 1e6.
  const double n = std::nearbyint(x * 0.63661977236758134308);
  const double r = (x - n * 1.57079632673412561417) - n * 6.07710050650619224932e-11;
  const double z = r * r;
  double s = 0.0, c = 0.0;
  for (int k = 10; k >= 1; --k) {
    s = (1.0 + s) * (-z / ((2.0 * k) * (2.0 * k + 1.0)));
    c = (1.0 + c) * (-z / ((2.0 * k - 1.0) * (2.0 * k)));
  }
  s = r * (1.0 + s);
  c = 1.0 + c;
  switch (static_cast<int64_t>(n) & 3) {
    case 0:
      *sin = s, *cos = c;
      break;
    case 1:
      *sin = c, *cos = -s;
      break;
    case 2:
      *sin = -s, *cos = -c;
      break;
    default:
      *sin = -c, *cos = s;
      break;
  }
}

RopeTable::~RopeTable() { free_pages(memory_, bytes_); }

void RopeTable::plan(int64_t n_positions, int64_t head_dim) {
  cos_ = Tensor(nullptr, Dtype::kF32, {n_positions, head_dim / 2});
  sin_ = cos_;
}

void RopeTable::build(int64_t n_positions, int64_t head_dim, double theta) {
  CHECK(head_dim % 2 == 0, "rotary positions need an even head_dim, not {}", head_dim);
  plan(n_positions, head_dim);
  free_pages(memory_, bytes_);
  bytes_ = static_cast<size_t>(2 * cos_.nbytes());
  memory_ = allocate_pages(bytes_);
  cos_.data = memory_;
  sin_.data = memory_ + cos_.nbytes();
  const int64_t half = head_dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
    const float frequency = static_cast<float>(1.0 / std::pow(theta, exponent));
    for (int64_t p = 0; p < n_positions; ++p) {
      const float angle = static_cast<float>(p) * frequency;
      double s, c;
      sin_cos(angle, &s, &c);
      cos_.row(p)[i] = static_cast<float>(c);
      sin_.row(p)[i] = static_cast<float>(s);
    }
  }
}

}  // namespace r1
