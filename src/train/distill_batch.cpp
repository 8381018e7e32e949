#include "train/distill_batch.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace r1 {
namespace {

struct Plan {
  std::vector<std::vector<int>> packs;
  double weight = 0;
  int64_t n_rows = 0;
};

Plan plan_of(const std::vector<TokenSequence>& sequences, int64_t micro_batch_tokens) {
  Plan plan;
  std::vector<int64_t> lengths;
  for (const TokenSequence& s : sequences) {
    lengths.push_back(std::ssize(s.tokens) - 1);
    plan.n_rows += lengths.back();
    plan.weight += std::accumulate(s.weights.begin(), s.weights.end(), 0.0);
  }
  plan.packs = pack(lengths, micro_batch_tokens);
  return plan;
}

Batch batch_of(const std::vector<TokenSequence>& sequences, const std::vector<int>& members) {
  std::vector<const TokenSequence*> views;
  for (const int i : members) views.push_back(&sequences[static_cast<size_t>(i)]);
  return Batch(views);
}

int64_t n_weighted(const TokenSequence& s) {
  return std::count_if(s.weights.begin(), s.weights.end(), [](float w) { return w != 0; });
}

}  // namespace

Distiller::Distiller(const DistillConfig& config, Learner& learner, const Transformer* teacher,
                     int64_t n_vocabulary)
    : config_(config),
      learner_(learner),
      teacher_(teacher),
      n_vocabulary_(n_vocabulary > 0 ? n_vocabulary : learner.model().config().vocab_size),
      alpha_(config.method == "features" ? 0.0 : config.loss.alpha) {}

double Distiller::token_loss(std::span<const float> z, std::span<const float> t, int64_t cache_row,
                             float scale, std::span<float> dz) const {
  const float tau = static_cast<float>(config_.loss.temperature);
  if (cache_) return top_k_kl(z, cache_->row(cache_row), tau, scale, dz);
  if (config_.loss.divergence == "forward_kl") return forward_kl(z, t, tau, scale, dz);
  if (config_.loss.divergence == "reverse_kl") return reverse_kl(z, t, tau, scale, dz);
  return generalized_jsd(z, t, static_cast<float>(config_.loss.beta), tau, scale, dz);
}

Distiller::Sums Distiller::head(Context& ctx, Tensor dh, Tensor h, Tensor teacher_h,
                                const Batch& batch, const std::vector<int64_t>& cache_rows,
                                double total) {
  const LossRows loss = batch.loss_rows(1.0f);
  const size_t n = loss.rows.size(), V = static_cast<size_t>(n_vocabulary_);
  std::vector<double> divergence(n, 0.0), hard(n, 0.0);
  learner_.model().head().backward_each(ctx, dh, h, loss.rows, [&](int64_t first, Tensor logits) {
    const bool asks = alpha_ > 0 && !cache_;
    const auto rows =
        loss.rows.subspan(static_cast<size_t>(first), static_cast<size_t>(logits.rows()));
    const Tensor t = asks ? teacher_->logits(ctx, teacher_h, rows) : Tensor();
    ctx.launch.pool->parallel_for(logits.rows(), 1, [&](int64_t begin, int64_t end) {
      std::vector<float> dz(V);
      for (int64_t r = begin; r < end; ++r) {
        const size_t i = static_cast<size_t>(first + r);
        const std::span<const float> z(logits.row(r), V);
        const double share = batch.weights()[i] / total;
        std::fill(dz.begin(), dz.end(), 0.0f);
        if (alpha_ > 0)
          divergence[i] =
              share *
              token_loss(z, asks ? std::span<const float>(t.row(r), V) : std::span<const float>(),
                         cache_ ? cache_rows[i] : 0, static_cast<float>(alpha_ * share), dz);
        if (alpha_ < 1)
          hard[i] =
              share * hard_label(z, loss.targets[i], static_cast<float>((1 - alpha_) * share), dz);
        std::memcpy(logits.row(r), dz.data(), V * sizeof(float));
        std::fill(logits.row(r) + V, logits.row(r) + logits.cols(), 0.0f);
      }
    });
  });
  return {std::accumulate(divergence.begin(), divergence.end(), 0.0),
          std::accumulate(hard.begin(), hard.end(), 0.0), 0};
}

Result<Distiller::Sums> Distiller::accumulate(const Batch& batch,
                                              const std::vector<int64_t>& cache_rows,
                                              double total) {
  Transformer& model = learner_.model();
  Context ctx{learner_.launch(), learner_.arena(), learner_.kv_dtype(),
              config_.train.gradient_checkpointing};
  ctx.experts = &learner_.experts();
  ArenaScope scope(ctx.arena);
  Transformer::Saved saved, teacher_saved;
  const Tensor h = model.forward(ctx, batch.rows(), &saved);
  Tensor teacher_h;
  if (teacher_ && !cache_) {
    Context inputs_only{ctx.launch, ctx.arena, ctx.kv_dtype, /*recompute=*/true};
    teacher_h = teacher_->forward(inputs_only, batch.rows(), features_ ? &teacher_saved : nullptr);
  }
  Tensor dh = ctx.f32({h.rows(), h.cols()});
  Sums sums = head(ctx, dh, h, teacher_h, batch, cache_rows, total);
  if (features_)
    sums.features =
        features_->add(ctx, batch, saved, teacher_saved, config_.loss.feature_weight, total);
  if (!std::isfinite(sums.divergence + sums.hard + sums.features))
    return fail("the loss is not finite; the weights or the learning rate have diverged");
  if (features_) features_->add_gradient(std::ssize(saved.blocks), dh);
  model.backward(ctx, batch.rows(), dh, saved, [&](int64_t layer, Tensor d) {
    if (features_) features_->add_gradient(layer, d);
  });
  return sums;
}

Result<StepLoss> Distiller::divergence(const std::vector<TokenSequence>& sequences,
                                       const std::vector<int64_t>& ids) {
  const Plan plan = plan_of(sequences, config_.train.micro_batch_tokens);
  StepLoss step{.weight = plan.weight,
                .n_rows = plan.n_rows,
                .n_sequences = std::ssize(sequences),
                .metrics = {},
                .mtp = {}};
  Sums sums;
  for (const std::vector<int>& members : plan.packs) {
    std::vector<int64_t> cache_rows;
    for (const int i : members) {
      if (!cache_) break;
      const int64_t first = first_rows_[static_cast<size_t>(ids[static_cast<size_t>(i)])];
      for (int64_t k = 0; k < n_weighted(sequences[static_cast<size_t>(i)]); ++k)
        cache_rows.push_back(first + k);
    }
    R1_TRY(const Sums more, accumulate(batch_of(sequences, members), cache_rows, plan.weight));
    sums.divergence += more.divergence;
    sums.hard += more.hard;
    sums.features += more.features;
  }
  step.loss = alpha_ * sums.divergence + (1 - alpha_) * sums.hard + sums.features;
  if (alpha_ > 0) step.metrics.emplace_back("distill/divergence", sums.divergence);
  if (alpha_ < 1) step.metrics.emplace_back("distill/cross_entropy", sums.hard);
  if (features_) step.metrics.emplace_back("distill/features", sums.features);
  return step;
}

Result<StepLoss> Distiller::policy_gradient(const std::vector<TokenSequence>& sequences,
                                            const std::vector<std::vector<float>>& old_logp) {
  const Plan plan = plan_of(sequences, config_.train.micro_batch_tokens);
  StepLoss step{.weight = plan.weight,
                .n_rows = plan.n_rows,
                .n_sequences = std::ssize(sequences),
                .metrics = {},
                .mtp = {}};
  const float inverse = 1.0f / config_.sampling.temperature;
  double kl = 0, entropy = 0;
  for (const std::vector<int>& members : plan.packs) {
    const Batch batch = batch_of(sequences, members);
    const std::vector<float> teacher_logp = score_batch(
        *teacher_, batch, inverse, {learner_.launch(), learner_.arena(), learner_.kv_dtype()});
    std::vector<float> old, weight;
    for (const int i : members) {
      const auto& logp = old_logp[static_cast<size_t>(i)];
      old.insert(old.end(), logp.begin(), logp.end());
    }
    for (const float w : batch.weights()) weight.push_back(static_cast<float>(w / plan.weight));
    R1_RETURN_IF_ERROR(learner_.accumulate(batch, inverse, [&](const TokenView& t) {
      step.loss += policy_distillation(t.logp, old, teacher_logp, weight,
                                       static_cast<float>(config_.epsilon), t.dlogp);
      for (size_t i = 0; i < t.logp.size(); ++i) {
        kl += weight[i] * (t.logp[i] - teacher_logp[i]);
        entropy += weight[i] * t.entropy[i];
      }
    }));
  }
  step.metrics = {{"distill/reverse_kl", kl}, {"entropy", entropy}};
  return step;
}

}  // namespace r1
