#include "train/feature_match.h"

#include <cmath>

#include "base/field_text.h"
#include "base/random.h"

namespace r1 {
namespace {

/// The stream after `layer` blocks.
Tensor stream(const Transformer::Saved& saved, int64_t layer) {
  return layer < std::ssize(saved.blocks) ? saved.blocks[static_cast<size_t>(layer)].input
                                          : saved.h;
}

}  // namespace

Result<std::vector<LayerPair>> parse_layer_pairs(const std::vector<std::string>& texts,
                                                 int64_t n_student, int64_t n_teacher) {
  std::vector<LayerPair> pairs;
  for (const std::string& text : texts) {
    const size_t colon = text.find(':');
    const auto student = parse_number<int64_t>(text.substr(0, colon));
    const auto teacher =
        colon == std::string::npos ? student : parse_number<int64_t>(text.substr(colon + 1));
    const bool is_there = student && teacher && *student >= 0 && *student <= n_student &&
                          *teacher >= 0 && *teacher <= n_teacher;
    if (!is_there)
      return fail(
          "feature_layers has '{}'; each is STUDENT:TEACHER, with layers from 0 to {} and 0 to {}",
          text, n_student, n_teacher);
    pairs.push_back({*student, *teacher});
  }
  for (int64_t s = 1; texts.empty() && s <= n_student; ++s)
    pairs.push_back(
        {s, std::llround(static_cast<double>(s * n_teacher) / static_cast<double>(n_student))});
  return pairs;
}

FeatureMatch::FeatureMatch(std::vector<LayerPair> pairs, int64_t d_student, int64_t d_teacher,
                           FeatureLoss kind, const AdamWConfig& config, uint64_t seed,
                           const Launch& launch)
    : pairs_(std::move(pairs)), kind_(kind), launch_(launch), projections_(pairs_.size()) {
  std::vector<Parameter*> parameters;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    projections_[i].shape(d_teacher, d_student);
    projections_[i].weight.name = fmt::format("feature.{}.weight", i);
    parameters.push_back(&projections_[i].weight);
  }
  store_.allocate(parameters, Dtype::kF32, StoreUse::kTraining);
  const float deviation = 1.0f / std::sqrt(static_cast<float>(d_student));
  for (size_t i = 0; i < pairs_.size(); ++i) {
    Rng rng(seed, stream_key({static_cast<uint64_t>(Purpose::kInit), 0xFEA7, i}));
    const Tensor w = projections_[i].weight.master;
    for (int64_t k = 0; k < w.numel(); ++k) w.f32()[k] = deviation * rng.normal();
    const int64_t bytes = projections_[i].packed_size(Dtype::kF32, true);
    const Tensor memory = panels_.zeros(Dtype::kF32, {(bytes + 3) / 4});
    projections_[i].place_panels(static_cast<std::byte*>(memory.data), Dtype::kF32, true);
    projections_[i].pack(launch);
  }
  store_.zero_grads();
  optimizer_ = std::make_unique<AdamW>(store_, config);
}

double FeatureMatch::add(Context& ctx, const Batch& batch, const Transformer::Saved& student,
                         const Transformer::Saved& teacher, double weight, double total) {
  const LossRows loss = batch.loss_rows(1.0f);
  const int64_t n = std::ssize(loss.rows);
  dh_.clear();
  double sum = 0;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    const Tensor h = stream(student, pairs_[i].student), goal = stream(teacher, pairs_[i].teacher);
    Tensor dh = ctx.arena.zeros(Dtype::kF32, {h.rows(), h.cols()});
    dh_.push_back(dh);
    ArenaScope scope(ctx.arena);
    Tensor x = ctx.f32({n, h.cols()}), dx = ctx.f32({n, h.cols()});
    for (int64_t r = 0; r < n; ++r)
      std::memcpy(x.row(r), h.row(loss.rows[static_cast<size_t>(r)]), sizeof(float) * h.cols());
    Tensor y = projections_[i].forward(ctx, x), dy = ctx.f32({n, y.cols()});
    const auto width = static_cast<size_t>(y.cols());
    for (int64_t r = 0; r < n; ++r) {
      const double share = weight * batch.weights()[static_cast<size_t>(r)] / total /
                           static_cast<double>(pairs_.size());
      const float* to = goal.row(loss.rows[static_cast<size_t>(r)]);
      sum += share * feature_loss(kind_, {y.row(r), width}, {to, width}, static_cast<float>(share),
                                  {dy.row(r), width});
    }
    projections_[i].backward(ctx, dx, dy, x, false);
    for (int64_t r = 0; r < n; ++r)
      std::memcpy(dh.row(loss.rows[static_cast<size_t>(r)]), dx.row(r), sizeof(float) * h.cols());
  }
  return sum;
}

void FeatureMatch::add_gradient(int64_t layer, Tensor dh) const {
  for (size_t i = 0; i < pairs_.size(); ++i) {
    if (pairs_[i].student != layer) continue;
    for (int64_t k = 0; k < dh.numel(); ++k) dh.f32()[k] += dh_[i].f32()[k];
  }
}

Result<double> FeatureMatch::step(float rate) {
  R1_TRY(const double norm, optimizer_->step(launch_, rate));
  for (Linear& projection : projections_) projection.pack(launch_);
  store_.zero_grads();
  return norm;
}

std::vector<NamedTensor> FeatureMatch::tensors() const {
  return {{"feature.projections", store_.masters()},
          {"feature.mean", optimizer_->mean()},
          {"feature.variance", optimizer_->variance()}};
}

void FeatureMatch::restored(int64_t n_steps) {
  optimizer_->set_n_steps(n_steps);
  for (Linear& projection : projections_) projection.pack(launch_);
}

}  // namespace r1
