#include "train/objectives.h"

#include <numeric>

namespace r1 {

double nll(std::span<const float> logp, std::span<const float> weight, double total,
           std::span<float> dlogp) {
  double loss = 0;
  for (size_t t = 0; t < logp.size(); ++t) {
    loss -= static_cast<double>(weight[t]) * logp[t] / total;
    dlogp[t] = static_cast<float>(-weight[t] / total);
  }
  return loss;
}

Result<Aggregation> parse_aggregation(const std::string& name) {
  if (name == "grpo" || name == "seq-mean-token-mean") return Aggregation::kSequenceMean;
  if (name == "dapo" || name == "token-mean") return Aggregation::kTokenMean;
  if (name == "reinforce" || name == "seq-mean-token-sum") return Aggregation::kSequenceSum;
  if (name == "dr_grpo" || name == "seq-mean-token-sum-norm") return Aggregation::kConstant;
  if (name == "cispo") return fail("loss_type cispo: write policy_loss cispo, or preset cispo");
  return fail("unknown loss_type '{}'; known: grpo, dapo, reinforce, dr_grpo", name);
}

std::vector<double> token_weights(Aggregation mode, std::span<const int64_t> lengths,
                                  int64_t max_length) {
  const double n = static_cast<double>(lengths.size());
  const double n_tokens =
      static_cast<double>(std::accumulate(lengths.begin(), lengths.end(), int64_t{0}));
  std::vector<double> weights;
  for (int64_t length : lengths) {
    switch (mode) {
      case Aggregation::kSequenceMean:
        weights.push_back(1.0 / (n * static_cast<double>(length)));
        break;
      case Aggregation::kTokenMean:
        weights.push_back(1.0 / n_tokens);
        break;
      case Aggregation::kSequenceSum:
        weights.push_back(1.0 / n);
        break;
      case Aggregation::kConstant:
        weights.push_back(1.0 / (n * static_cast<double>(max_length)));
        break;
    }
  }
  return weights;
}

}  // namespace r1
