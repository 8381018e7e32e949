// The modules of nn a second time, in double and without any cleverness: what the tests compare
// with.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace r1::in_double {

using Doubles = std::vector<double>;

/// y (N, out) = x (N, in) Wᵀ.
inline Doubles linear(const Doubles& x, const Doubles& w, int64_t in) {
  const int64_t N = static_cast<int64_t>(x.size()) / in, out = static_cast<int64_t>(w.size()) / in;
  Doubles y(N * out, 0.0);
  for (int64_t n = 0; n < N; ++n) {
    for (int64_t o = 0; o < out; ++o) {
      for (int64_t i = 0; i < in; ++i) y[n * out + o] += x[n * in + i] * w[o * in + i];
    }
  }
  return y;
}

inline Doubles rmsnorm(const Doubles& x, const Doubles& w, double eps) {
  const size_t C = w.size();
  Doubles y(x.size());
  for (size_t first = 0; first < x.size(); first += C) {
    double squares = 0;
    for (size_t c = 0; c < C; ++c) squares += x[first + c] * x[first + c];
    const double rstd = 1.0 / std::sqrt(squares / static_cast<double>(C) + eps);
    for (size_t c = 0; c < C; ++c) y[first + c] = x[first + c] * rstd * w[c];
  }
  return y;
}

/// Turns pairs (i, i + D / 2) of each head by position · theta^(-2 i / D).
inline void rotate(Doubles& x, const std::vector<int32_t>& positions, int64_t D, double theta) {
  const int64_t width = static_cast<int64_t>(x.size() / positions.size()), half = D / 2;
  for (size_t n = 0; n < positions.size(); ++n) {
    for (int64_t head = 0; head < width; head += D) {
      for (int64_t i = 0; i < half; ++i) {
        const double angle =
            positions[n] * std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(D));
        double& a = x[n * width + head + i];
        double& b = x[n * width + head + i + half];
        const double turned = a * std::cos(angle) - b * std::sin(angle);
        b = b * std::cos(angle) + a * std::sin(angle);
        a = turned;
      }
    }
  }
}

/// Causal softmax attention of sequences packed one after the other.
inline Doubles attend(const Doubles& q, const Doubles& k, const Doubles& v,
                      const std::vector<int64_t>& lengths, int64_t H, int64_t Hkv, int64_t D) {
  Doubles o(q.size(), 0.0);
  int64_t first = 0;
  for (int64_t length : lengths) {
    for (int64_t t = first; t < first + length; ++t) {
      for (int64_t h = 0; h < H; ++h) {
        const int64_t kv = h / (H / Hkv);
        Doubles p;
        double sum = 0;
        for (int64_t j = first; j <= t; ++j) {
          double s = 0;
          for (int64_t d = 0; d < D; ++d) s += q[(t * H + h) * D + d] * k[(j * Hkv + kv) * D + d];
          p.push_back(std::exp(s / std::sqrt(static_cast<double>(D))));
          sum += p.back();
        }
        for (int64_t j = first; j <= t; ++j) {
          for (int64_t d = 0; d < D; ++d) {
            o[(t * H + h) * D + d] += p[j - first] / sum * v[(j * Hkv + kv) * D + d];
          }
        }
      }
    }
    first += length;
  }
  return o;
}

inline Doubles swiglu(const Doubles& gate, const Doubles& up) {
  Doubles y(gate.size());
  for (size_t i = 0; i < y.size(); ++i) y[i] = gate[i] / (1.0 + std::exp(-gate[i])) * up[i];
  return y;
}

inline void add_to(Doubles& h, const Doubles& x) {
  for (size_t i = 0; i < h.size(); ++i) h[i] += x[i];
}

inline double dot(const Doubles& a, const Doubles& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace r1::in_double
