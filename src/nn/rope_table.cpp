#include "nn/rope_table.h"

#include <algorithm>
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

namespace {

/// The (fractional) index of the frequency that turns n times within the original positions.
double yarn_dimension(double turns, int64_t D, double theta, const RopeScaling& s) {
  const double positions = static_cast<double>(s.original_max_positions);
  return static_cast<double>(D) * std::log(positions / (turns * 2 * M_PI)) / (2 * std::log(theta));
}

/// Slow frequencies are divided by the factor, fast ones stay, with a ramp between them.
double yarn_frequency(double frequency, int64_t i, int64_t D, double theta, const RopeScaling& s) {
  double low = yarn_dimension(s.beta_fast, D, theta, s);
  double high = yarn_dimension(s.beta_slow, D, theta, s);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(D - 1));
  if (low == high) high += 0.001;
  const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
  return frequency / s.factor * ramp + frequency * (1 - ramp);
}

double llama3_frequency(double frequency, const RopeScaling& s) {
  const double length = static_cast<double>(s.original_max_positions);
  const double wave = 2 * M_PI / frequency;
  if (wave < length / s.high_freq_factor) return frequency;
  if (wave > length / s.low_freq_factor) return frequency / s.factor;
  const double smooth =
      (length / wave - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return (1 - smooth) * frequency / s.factor + smooth * frequency;
}

}  // namespace

std::vector<float> rope_frequencies(int64_t head_dim, double theta, const RopeScaling& scaling) {
  std::vector<float> frequencies;
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
    double f = 1.0 / std::pow(theta, exponent);
    switch (scaling.kind) {
      case RopeScaling::Kind::kNone:
        break;
      case RopeScaling::Kind::kLinear:
        f /= scaling.factor;
        break;
      case RopeScaling::Kind::kLlama3:
        f = llama3_frequency(f, scaling);
        break;
      case RopeScaling::Kind::kYarn:
        f = yarn_frequency(f, i, head_dim, theta, scaling);
        break;
    }
    frequencies.push_back(static_cast<float>(f));
  }
  return frequencies;
}

RopeTable::~RopeTable() { free_pages(memory_, bytes_); }

void RopeTable::plan(int64_t n_positions, int64_t head_dim) {
  cos_ = Tensor(nullptr, Dtype::kF32, {n_positions, head_dim / 2});
  sin_ = cos_;
}

void RopeTable::build(int64_t n_positions, int64_t head_dim, double theta,
                      const RopeScaling& scaling) {
  CHECK(head_dim % 2 == 0, "rotary positions need an even head_dim, not {}", head_dim);
  plan(n_positions, head_dim);
  free_pages(memory_, bytes_);
  bytes_ = static_cast<size_t>(2 * cos_.nbytes());
  memory_ = allocate_pages(bytes_);
  cos_.data = memory_;
  sin_.data = memory_ + cos_.nbytes();
  frequencies_ = rope_frequencies(head_dim, theta, scaling);
  attention_factor_ = scaling.attention_factor;
  n_filled_ = 0;
  reach(0);
}

void RopeTable::reach(int64_t position) {
  if (position < n_filled_ || !memory_) return;
  constexpr int64_t kStep = 2048;
  CHECK(position < n_positions(), "position {} of {}", position, n_positions());
  const int64_t end = std::min(n_positions(), (position / kStep + 1) * kStep);
  for (; n_filled_ < end; ++n_filled_) {
    for (size_t i = 0; i < frequencies_.size(); ++i) {
      const float angle = static_cast<float>(n_filled_) * frequencies_[i];
      double s, c;
      sin_cos(angle, &s, &c);
      cos_.row(n_filled_)[i] = static_cast<float>(c * attention_factor_);
      sin_.row(n_filled_)[i] = static_cast<float>(s * attention_factor_);
    }
  }
}

}  // namespace r1
