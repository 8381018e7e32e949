#include "train/distill_loss.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/lanes.h"

namespace r1 {
namespace {

constexpr float kLeastLog = -80.0f;  // of a probability that is as good as none

/// ln Σ exp(x / τ), and the largest x.
struct Normalizer {
  float largest, log_sum, inverse;

  Normalizer(std::span<const float> x, float temperature) : inverse(1.0f / temperature) {
    largest = *std::max_element(x.begin(), x.end());
    double sum = 0;
    for (const float value : x) sum += exp_f32((value - largest) * inverse);
    log_sum = static_cast<float>(std::log(sum));
  }
  float logp(float x) const { return std::max((x - largest) * inverse - log_sum, kLeastLog); }
};

}  // namespace

double forward_kl(std::span<const float> z, std::span<const float> t, float temperature,
                  float scale, std::span<float> dz) {
  const Normalizer student(z, temperature), teacher(t, temperature);
  double kl = 0;
  for (size_t v = 0; v < z.size(); ++v) {
    const float lq = student.logp(z[v]), lp = teacher.logp(t[v]);
    const float q = exp_f32(lq), p = exp_f32(lp);
    kl += static_cast<double>(p) * (lp - lq);
    dz[v] += scale * temperature * (q - p);
  }
  return kl * temperature * temperature;
}

double reverse_kl(std::span<const float> z, std::span<const float> t, float temperature,
                  float scale, std::span<float> dz) {
  const Normalizer student(z, temperature), teacher(t, temperature);
  double kl = 0;
  for (size_t v = 0; v < z.size(); ++v) {
    const float lq = student.logp(z[v]);
    kl += static_cast<double>(exp_f32(lq)) * (lq - teacher.logp(t[v]));
  }
  for (size_t v = 0; v < z.size(); ++v) {
    const float lq = student.logp(z[v]);
    dz[v] += scale * temperature * exp_f32(lq) * (lq - teacher.logp(t[v]) - static_cast<float>(kl));
  }
  return kl * temperature * temperature;
}

double generalized_jsd(std::span<const float> z, std::span<const float> t, float beta,
                       float temperature, float scale, std::span<float> dz) {
  if (beta == 0) return forward_kl(z, t, temperature, scale, dz);
  if (beta == 1) return reverse_kl(z, t, temperature, scale, dz);
  const Normalizer student(z, temperature), teacher(t, temperature);
  double teacher_kl = 0, student_kl = 0;
  const auto log_mixture = [beta](float p, float q) {
    return std::max(log_f32(std::max(beta * p + (1 - beta) * q, 1e-38f)), kLeastLog);
  };
  for (size_t v = 0; v < z.size(); ++v) {
    const float lq = student.logp(z[v]), lp = teacher.logp(t[v]);
    const float q = exp_f32(lq), p = exp_f32(lp), lm = log_mixture(p, q);
    teacher_kl += static_cast<double>(p) * (lp - lm);
    student_kl += static_cast<double>(q) * (lq - lm);
  }
  for (size_t v = 0; v < z.size(); ++v) {
    const float lq = student.logp(z[v]), q = exp_f32(lq);
    const float lm = log_mixture(exp_f32(teacher.logp(t[v])), q);
    dz[v] += scale * (1 - beta) * temperature * q * (lq - lm - static_cast<float>(student_kl));
  }
  return (beta * teacher_kl + (1 - beta) * student_kl) * temperature * temperature;
}

double hard_label(std::span<const float> z, int32_t target, float scale, std::span<float> dz) {
  const Normalizer student(z, 1.0f);
  for (size_t v = 0; v < z.size(); ++v) dz[v] += scale * exp_f32(student.logp(z[v]));
  dz[static_cast<size_t>(target)] -= scale;
  return -student.logp(z[static_cast<size_t>(target)]);
}

float take_top_k(std::span<const float> t, float temperature, std::span<int32_t> ids,
                 std::span<float> logp) {
  CHECK(ids.size() == logp.size() && ids.size() <= t.size(), "top-k: {} of {}", ids.size(),
        t.size());
  std::vector<int32_t> order(t.size());
  std::iota(order.begin(), order.end(), 0);
  const auto before = [&](int32_t a, int32_t b) { return t[a] != t[b] ? t[a] > t[b] : a < b; };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(ids.size()),
                    order.end(), before);
  const Normalizer teacher(t, temperature);
  double kept = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = order[i];
    logp[i] = teacher.logp(t[static_cast<size_t>(order[i])]);
    kept += exp_f32(logp[i]);
  }
  return ids.size() == t.size() ? 0.0f : static_cast<float>(std::max(0.0, 1 - kept));
}

double top_k_kl(std::span<const float> z, const TopK& teacher, float temperature, float scale,
                std::span<float> dz) {
  const Normalizer student(z, temperature);
  double kl = 0, kept = 0;
  for (size_t i = 0; i < teacher.ids.size(); ++i) {
    const float lq = student.logp(z[static_cast<size_t>(teacher.ids[i])]);
    kl += static_cast<double>(exp_f32(teacher.logp[i])) * (teacher.logp[i] - lq);
    kept += exp_f32(lq);
  }
  // summed anew where 1 − kept would lose its digits
  double rest = 1 - kept;
  if (rest < 1e-3) {
    std::vector<int32_t> known(teacher.ids.begin(), teacher.ids.end());
    std::sort(known.begin(), known.end());
    rest = 0;
    auto next = known.begin();
    for (size_t v = 0; v < z.size(); ++v) {
      if (next != known.end() && *next == static_cast<int32_t>(v)) {
        ++next;
      } else {
        rest += exp_f32(student.logp(z[v]));
      }
    }
  }
  rest = std::max(rest, 1e-30);
  const bool has_rest = teacher.rest > 0 && teacher.ids.size() < z.size();
  if (has_rest) kl += teacher.rest * (std::log(teacher.rest) - std::log(rest));
  // the rest's share first, then the k: q − p there, whatever was added
  const float other = has_rest ? static_cast<float>(1 - teacher.rest / rest) : 1.0f;
  const float by = scale * temperature;
  for (size_t v = 0; v < z.size(); ++v) dz[v] += by * other * exp_f32(student.logp(z[v]));
  for (size_t i = 0; i < teacher.ids.size(); ++i) {
    const auto v = static_cast<size_t>(teacher.ids[i]);
    const float q = exp_f32(student.logp(z[v]));
    dz[v] += by * ((1 - other) * q - exp_f32(teacher.logp[i]));
  }
  return kl * temperature * temperature;
}

double policy_distillation(std::span<const float> logp, std::span<const float> old_logp,
                           std::span<const float> teacher_logp, std::span<const float> weight,
                           float epsilon, std::span<float> dlogp) {
  double loss = 0;
  for (size_t i = 0; i < logp.size(); ++i) {
    const float advantage = teacher_logp[i] - old_logp[i];
    const float ratio = exp_f32(std::clamp(logp[i] - old_logp[i], -20.0f, 20.0f));
    const float clipped = std::clamp(ratio, 1 - epsilon, 1 + epsilon);
    const bool is_clipped = clipped * advantage < ratio * advantage;
    loss -= static_cast<double>(weight[i]) * (is_clipped ? clipped : ratio) * advantage;
    dlogp[i] = is_clipped ? 0.0f : -weight[i] * ratio * advantage;
  }
  return loss;
}

Result<FeatureLoss> parse_feature_loss(const std::string& name) {
  if (name == "mse") return FeatureLoss::kMse;
  if (name == "cosine") return FeatureLoss::kCosine;
  return fail("unknown feature_loss '{}'; known: mse, cosine", name);
}

double feature_loss(FeatureLoss kind, std::span<const float> y, std::span<const float> h,
                    float scale, std::span<float> dy) {
  const double n = static_cast<double>(y.size());
  double loss = 0;
  if (kind == FeatureLoss::kMse) {
    for (size_t i = 0; i < y.size(); ++i) {
      const double d = static_cast<double>(y[i]) - h[i];
      loss += d * d / n;
      dy[i] = static_cast<float>(scale * 2 * d / n);
    }
    return loss;
  }
  double yy = 1e-12, hh = 1e-12, yh = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    yy += static_cast<double>(y[i]) * y[i];
    hh += static_cast<double>(h[i]) * h[i];
    yh += static_cast<double>(y[i]) * h[i];
  }
  const double norm_y = std::sqrt(yy), norm_h = std::sqrt(hh), cosine = yh / (norm_y * norm_h);
  for (size_t i = 0; i < y.size(); ++i)
    dy[i] = static_cast<float>(-scale * (h[i] / norm_h - cosine * y[i] / norm_y) / norm_y);
  return 1 - cosine;
}

}  // namespace r1
