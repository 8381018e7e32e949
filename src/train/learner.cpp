#include "train/learner.h"

#include <cmath>
#include <cstring>

namespace r1 {

Result<Machine> Machine::open(const ComputeConfig& config) {
  if (config.threads < 0 || config.threads > 1024) {
    return fail("threads is {}; it must be from 0 to 1024", config.threads);
  }
  Machine machine;
  if (config.backend == "auto") {
    R1_TRY(machine.backend_, default_backend());
  } else {
    R1_TRY(machine.backend_, parse_backend(config.backend));
  }
  machine.pool_ =
      std::make_unique<ThreadPool>(config.threads > 0 ? config.threads : usable_cores());
  return machine;
}

Learner::Learner(Transformer& model, const AdamWConfig& config, Dtype kv_dtype, bool recompute,
                 const Launch& launch)
    : model_(model),
      optimizer_(model.trained(), config),
      kv_dtype_(kv_dtype),
      recompute_(recompute),
      launch_(launch) {}

Result<void> Learner::accumulate(const Batch& batch, float inverse_temperature,
                                 const Objective& objective, MtpLoss* mtp) {
  Context ctx{launch_, arena_, kv_dtype_, recompute_};
  ctx.experts = &experts_;
  ArenaScope scope(arena_);
  Transformer::Saved saved;
  Tensor h = model_.forward(ctx, batch.rows(), &saved);
  const LossRows loss = batch.loss_rows(inverse_temperature);
  const TokenScores scores = model_.head().score(ctx, h, loss);
  const size_t n = static_cast<size_t>(batch.n_loss());
  for (size_t t = 0; t < n; ++t) {
    if (!std::isfinite(scores.logp.f32()[t])) {
      return fail(
          "the log-probability of loss row {} (token {}) is not finite; the weights or the "
          "learning rate have diverged",
          loss.rows[t], loss.targets[t]);
    }
  }
  const int64_t rows = batch.n_loss();
  Tensor dlogp = ctx.f32({rows}), dentropy = ctx.arena.zeros(Dtype::kF32, {rows});
  objective(
      {{scores.logp.f32(), n}, {scores.entropy.f32(), n}, {dlogp.f32(), n}, {dentropy.f32(), n}});
  Tensor dh = ctx.f32({h.rows(), h.cols()});
  model_.head().backward(ctx, dh, h, loss, scores, dlogp, dentropy);
  if (mtp && mtp->weight > 0) {
    R1_RETURN_IF_ERROR(add_mtp(ctx, model_, batch, inverse_temperature, h, dh, *mtp));
  }
  model_.backward(ctx, batch.rows(), dh, saved);
  return {};
}

Result<void> Learner::accumulate(const ScoreBatch& batch, const ScoreObjective& objective) {
  Context ctx{launch_, arena_, kv_dtype_, recompute_};
  ArenaScope scope(arena_);
  Transformer::Saved saved;
  Tensor h = model_.forward(ctx, batch.rows(), &saved);
  const Tensor scores = model_.logits(ctx, h, batch.last_rows());
  const int64_t n = batch.n_sequences();
  for (int64_t i = 0; i < n; ++i) {
    if (std::isfinite(scores.f32()[i])) continue;
    return fail(
        "the score of sequence {} is not finite; the weights or the learning rate have "
        "diverged",
        i);
  }
  Tensor dscores = ctx.f32({n, 1});
  objective({{scores.f32(), static_cast<size_t>(n)}, {dscores.f32(), static_cast<size_t>(n)}});
  Tensor dh = ctx.f32({h.rows(), h.cols()});
  model_.head().backward(ctx, dh, h, batch.last_rows(), dscores);
  model_.backward(ctx, batch.rows(), dh, saved);
  return {};
}

Result<double> Learner::step(float learning_rate) {
  R1_TRY(const double norm, optimizer_.step(launch_, learning_rate));
  model_.refresh(launch_);
  model_.trained().zero_grads();
  experts_.end_step();
  return norm;
}

std::vector<float> score_batch(const Transformer& model, const Batch& batch,
                               float inverse_temperature, Context ctx) {
  ArenaScope scope(ctx.arena);
  Tensor h = model.forward(ctx, batch.rows(), nullptr);
  const TokenScores scores = model.head().score(ctx, h, batch.loss_rows(inverse_temperature));
  return {scores.logp.f32(), scores.logp.f32() + batch.n_loss()};
}

namespace {

/// Elements of one layer's attention matrices.
int64_t attention_weights(const ModelConfig& c) {
  const int64_t q = c.n_heads * c.head_dim;
  if (!c.is_mla()) return 2 * c.d_model * (q + c.n_kv_heads * c.head_dim);
  const MlaConfig& m = c.mla;
  const int64_t queries = m.q_lora_rank > 0 ? m.q_lora_rank * (c.d_model + q) : c.d_model * q;
  return queries + c.d_model * (m.kv_lora_rank + m.qk_rope_head_dim) +
         m.kv_lora_rank * c.n_heads * (m.qk_nope_head_dim + m.v_head_dim) +
         c.d_model * c.n_heads * m.v_head_dim;
}

/// Elements of one layer's feed-forward matrices that a token meets.
int64_t mlp_weights(const ModelConfig& c, int64_t layer) {
  if (!c.is_sparse(layer)) return 3 * c.d_model * c.d_ff;
  return c.d_model *
         (c.moe.routing.n_experts + 3 * (c.moe.routing.top_k * c.moe.d_ff + c.moe.shared_d_ff));
}

}  // namespace

FlopCount count_flops(const ModelConfig& c) {
  const MlaConfig& m = c.mla;
  int64_t keys = c.n_heads * c.head_dim, values = c.is_mla() ? c.n_heads * m.v_head_dim : keys;
  if (m.absorbed) {
    keys = c.n_heads * (m.kv_lora_rank + m.qk_rope_head_dim), values = c.n_heads * m.kv_lora_rank;
  }
  int64_t weights = c.d_model * (c.is_scorer() ? 0 : c.vocab_size);  // that a token meets
  for (int64_t i = 0; i < c.n_layers; ++i) {
    weights += attention_weights(c) + mlp_weights(c, i);
  }
  return {2.0 * static_cast<double>(weights),
          2.0 * static_cast<double>(c.n_layers * (keys + values))};
}

FlopCount count_flops(const Transformer& model, bool trains_mtp) {
  const ModelConfig& c = model.config();
  FlopCount flops = count_flops(c);
  if (model.adapted()) flops.passes = 2;
  if (!trains_mtp) return flops;
  const double D = static_cast<double>(model.mtp().size());
  const int64_t weights = attention_weights(c) + mlp_weights(c, c.n_layers - 1) +
                          c.d_model * (2 * c.d_model + c.vocab_size);
  flops.per_token_and_key *= 1.0 + D / static_cast<double>(c.n_layers);
  flops.per_token += 2.0 * D * static_cast<double>(weights);
  return flops;
}

}  // namespace r1
