#include <algorithm>

#include "models/plan_shape.h"
#include "recipes/claims.h"

namespace r1 {
namespace {

constexpr int64_t kWords = 64;  // near enough for a comparison

/// Elements that a token leaves in the cache, over all layers.
Result<int64_t> cache_elements(const NewModel& shape) {
  R1_TRY(const ModelConfig c, new_model_config(shape, kWords, 0, 1));
  return c.n_layers * cache_forms(c)[0].elements;
}

Result<int64_t> n_parameters(const NewModel& shape) {
  R1_TRY(const ModelConfig c, new_model_config(shape, kWords, 0, 1));
  return ModelShape(c).total();
}

/// The feed-forward width that brings a model nearest to n parameters.
Result<void> match_parameters(NewModel& shape, int64_t n) {
  int64_t best = shape.d_ff, least = INT64_MAX;
  for (int64_t d_ff = 16; d_ff <= 4096; d_ff += 8) {
    shape.d_ff = d_ff;
    R1_TRY(const int64_t count, n_parameters(shape));
    if (std::abs(count - n) < least) least = std::abs(count - n), best = d_ff;
  }
  shape.d_ff = best;
  return {};
}

}  // namespace

/// [DeepSeek-V2, section 2.1.4 and tables 1, 8, 9]
Result<Finding> claim_cache(const ClaimsConfig& config) {
  NewModel mla = config.base.new_model;  // dense: attention is all that differs
  mla.architecture = "deepseek_v3";
  mla.n_routed_experts = 0;
  mla.num_nextn_predict_layers = 0;
  NewModel mha = mla;
  mha.architecture = "llama";
  mha.n_kv_heads = mha.n_heads;
  NewModel gqa = mha;
  gqa.n_kv_heads = std::max<int64_t>(1, gqa.n_heads / 3);
  R1_TRY(const int64_t n, n_parameters(mla));
  R1_RETURN_IF_ERROR(match_parameters(mha, n));
  R1_RETURN_IF_ERROR(match_parameters(gqa, n));
  const std::vector<NewModel> shapes{mla, gqa, mha};
  const std::vector<std::string> names{"MLA", "GQA", "MHA"};
  std::vector<Variant> variants;
  for (size_t i = 0; i < shapes.size(); ++i) {
    variants.push_back({names[i], [shape = shapes[i]](PretrainConfig& c) {
                          c.new_model = shape;
                          c.balance.balance = "auto";
                        }});
  }
  R1_TRY(const auto trials, run_trials(config, "cache", variants));
  Finding f;
  f.claim =
      "latent attention needs a fraction of the cache and is no worse than full attention (V2, "
      "section 2.1.4)";
  f.columns = {"attention", "cache, bytes a token (bf16)", "parameters", "loss, last tenth"};
  std::vector<Spread> losses;
  std::vector<double> cached;
  for (size_t v = 0; v < variants.size(); ++v) {
    std::vector<double> loss;
    for (const Trial& t : trials[v]) loss.push_back(t.tail_mean("loss"));
    losses.push_back(spread_of(loss));
    R1_TRY(const int64_t count, n_parameters(shapes[v]));
    R1_TRY(const int64_t elements, cache_elements(shapes[v]));
    cached.push_back(static_cast<double>(elements));
    f.rows.push_back({names[v], fmt::format("{}", 2 * elements), fmt::format("{}", count),
                      losses.back().text(4)});
  }
  const double room = std::max(losses[0].deviation, losses[2].deviation);
  f.holds = losses[0].mean <= losses[2].mean + room;
  f.verdict = fmt::format(
      "latent attention keeps {:.0f} % of what full attention caches and {:.0f} % of what grouped "
      "attention does; its loss is {} against {} (grouped: {}).",
      100.0 * cached[0] / cached[2], 100.0 * cached[0] / cached[1], losses[0].text(4),
      losses[2].text(4), losses[1].text(4));
  f.notes = {
      "Feed-forward widths are chosen so that all have as many parameters as the first.",
      "r1 plan deepseek-v3 gives the figures of the published models: 70,272 bytes a token."};
  f.charts = {compare_series("Loss", "loss", "nats a token", variants, trials)};
  return f;
}

}  // namespace r1
