#include "nn/expert_tally.h"

namespace r1 {

Tensor ExpertTally::add(Context& ctx, int64_t place, const Routes& routes) {
  const int64_t N = routes.scores.rows(), E = routes.scores.cols();
  Tensor dscores = balance.alpha > 0 ? ctx.f32({N, E}) : Tensor();
  if (ctx.plans()) return dscores;
  if (place >= std::ssize(layers)) layers.resize(place + 1);
  Layer& layer = layers[place];
  layer.loads.resize(E);
  const int32_t* offsets = routes.offsets.i32();
  for (int64_t e = 0; e < E; ++e) layer.loads[e] += offsets[e + 1] - offsets[e];
  if (!dscores.empty()) layer.loss += balance_loss(ctx, routes, balance, batch, dscores);
  return dscores;
}

void ExpertTally::end_step() {
  last.swap(layers);
  layers.clear();
}

}  // namespace r1
